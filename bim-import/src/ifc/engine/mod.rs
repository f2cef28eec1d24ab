//! The IFC engine: the one place that knows `ifc-lite`. It moves fast (majors 4 to 28
//! in half a year), so everything outside this folder speaks our own types.
//!
//! Two halves: [`records`] reads STEP records and units, [`geometry`] tessellates one
//! element at a time. The second one can hang on a single element, and is therefore
//! only ever called from a worker process (see [`crate::worker`]).

mod alike;
mod bounds;
mod budget;
mod collapse;
mod fine;
pub(crate) mod geometry;
mod index;
pub(crate) mod records;
pub(crate) mod rewrite;
mod rows;
mod styles;
mod thin;
