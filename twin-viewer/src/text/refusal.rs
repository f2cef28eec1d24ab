//! Why the server refused something.

use twin_protocol::{ErrorCode, ErrorMessage};

use super::Lang;

/// In the language of the page as far as the code says it; the server's own words, which are
/// English, only where they tell more.
pub fn refusal(lang: Lang, error: &ErrorMessage) -> String {
    let key = match error.code {
        ErrorCode::UnknownRoom => "replay.ended",
        ErrorCode::Forbidden => "refused.forbidden",
        ErrorCode::Unavailable => "refused.unavailable",
        ErrorCode::Malformed
        | ErrorCode::UnknownEntity
        | ErrorCode::OutOfRange
        | ErrorCode::TooFast
        | ErrorCode::Unsupported => "refused.other",
    };
    lang.fill(key, &[("reason", &error.message)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_room_is_told_in_the_language_of_the_page() {
        let refused = |code| refusal(Lang::Zh, &ErrorMessage { code, message: "why".into() });
        assert_eq!(refused(ErrorCode::UnknownRoom), Lang::Zh.t("replay.ended"));
        assert!(!refused(ErrorCode::Forbidden).contains("why"));
        assert!(refused(ErrorCode::TooFast).contains("why"));
    }
}
