//! Writes the campus into a folder: `cargo run --release -p demo-campus --example write -- FOLDER [ELEMENTS]`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("which folder?")?;
    let elements = args.next().map(|n| n.parse()).transpose()?;
    demo_campus::generate(
        &demo_campus::Options { elements, ..Default::default() },
        Path::new(&folder),
    )?;
    Ok(())
}
