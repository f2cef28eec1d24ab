#![no_main]

use bim_import::fuzz::Door;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // An error is an answer; a panic, a hang or a flood of memory is a finding.
    let _ = Door::OsmPbf.open(bytes);
});
