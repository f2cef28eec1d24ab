//! Frames of [`crate::POSTCARD_DEFLATE`]: one byte that tells the form, then the message.

/// The message follows as it is.
pub const PLAIN: u8 = 0;
/// The message follows as a raw DEFLATE stream (RFC 1951).
pub const DEFLATE: u8 = 1;
