//! Topics of Sparkplug B: `spBv1.0/group/type/node[/device]`.

/// The first level.
pub(in crate::bindings) const NAMESPACE: &str = "spBv1.0";

/// A topic taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bindings) struct SparkplugTopic<'t> {
    pub(super) group: &'t str,
    pub(super) kind: Kind,
    pub(super) node: &'t str,
    /// Absent: of the node itself.
    pub(super) device: Option<&'t str>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Birth,
    Data,
    Death,
    Command,
}

impl<'t> SparkplugTopic<'t> {
    /// Nothing where the topic is none of Sparkplug's four kinds.
    pub(in crate::bindings) fn parse(topic: &'t str) -> Option<Self> {
        let mut levels = topic.split('/');
        if levels.next()? != NAMESPACE {
            return None;
        }
        let (group, kind, node) = (levels.next()?, levels.next()?, levels.next()?);
        let device = levels.next();
        let (of_device, kind) = match kind {
            "NBIRTH" => (false, Kind::Birth),
            "NDATA" => (false, Kind::Data),
            "NDEATH" => (false, Kind::Death),
            "NCMD" => (false, Kind::Command),
            "DBIRTH" => (true, Kind::Birth),
            "DDATA" => (true, Kind::Data),
            "DDEATH" => (true, Kind::Death),
            "DCMD" => (true, Kind::Command),
            _ => return None,
        };
        let fits = levels.next().is_none() && device.is_some() == of_device;
        fits.then_some(Self { group, kind, node, device })
    }

    /// The topic under which bindings know a node or device, whatever the kind of message.
    pub(in crate::bindings) fn place(group: &str, node: &str, device: Option<&str>) -> String {
        match device {
            Some(device) => format!("{NAMESPACE}/{group}/DATA/{node}/{device}"),
            None => format!("{NAMESPACE}/{group}/DATA/{node}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_taken_apart() {
        let parse = SparkplugTopic::parse;
        let expected =
            SparkplugTopic { group: "G", kind: Kind::Data, node: "N", device: Some("D") };
        assert_eq!(parse("spBv1.0/G/DDATA/N/D"), Some(expected));
        assert_eq!(parse("spBv1.0/G/NDATA/N").map(|topic| topic.device), Some(None));
        for other in
            ["spBv1.0/G/NDATA/N/D", "spBv1.0/G/DDATA/N", "spBv1.0/STATE/host", "x/G/NDATA/N"]
        {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
