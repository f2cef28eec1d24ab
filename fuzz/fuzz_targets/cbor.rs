#![no_main]

use libfuzzer_sys::fuzz_target;
use twin_server::fuzz::Door;

fuzz_target!(|bytes: &[u8]| {
    // An error is an answer; a panic, a hang or a flood of memory is a finding.
    let _ = Door::Cbor.open(bytes);
});
