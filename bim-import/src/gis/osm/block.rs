//! Nodes, ways and relations out of a data block.

use super::pbf::{Field, Message, Result, deltas, numbers, signed};

/// The strings of a block, and how its coordinates count.
pub(super) struct Data<'a> {
    strings: Vec<&'a [u8]>,
    groups: Vec<&'a [u8]>,
    granularity: i64,
    offset: [i64; 2],
}

/// Keys and values, as numbers of strings.
pub(super) type Tags = Vec<(u32, u32)>;

pub(super) struct Node<'t> {
    pub(super) id: i64,
    /// Longitude and latitude, °.
    pub(super) at: [f64; 2],
    pub(super) tags: &'t [(u32, u32)],
}

pub(super) struct Way<'a> {
    pub(super) id: i64,
    pub(super) tags: Tags,
    refs: &'a [u8],
}

impl Way<'_> {
    /// Ids of its nodes.
    pub(super) fn refs(&self) -> Vec<i64> {
        deltas(self.refs).collect()
    }
}

pub(super) struct Relation<'a> {
    pub(super) id: i64,
    pub(super) tags: Tags,
    roles: &'a [u8],
    members: &'a [u8],
    kinds: &'a [u8],
}

impl Relation<'_> {
    /// Way members: id, and the number of the string that is their role.
    pub(super) fn ways(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        let members = deltas(self.members).zip(numbers(self.roles)).zip(numbers(self.kinds));
        members.filter(|(_, kind)| *kind == 1).map(|((id, role), _)| (id, role as u32))
    }
}

impl<'a> Data<'a> {
    pub(super) fn read(block: &'a [u8]) -> Result<Self> {
        let mut data =
            Self { strings: Vec::new(), groups: Vec::new(), granularity: 100, offset: [0; 2] };
        let mut message = Message(block);
        while let Some((field, value)) = message.next()? {
            match (field, value) {
                (1, Field::Bytes(table)) => {
                    let mut table = Message(table);
                    while let Some((field, value)) = table.next()? {
                        if let (1, Field::Bytes(text)) = (field, value) {
                            data.strings.push(text);
                        }
                    }
                }
                (2, Field::Bytes(group)) => data.groups.push(group),
                (17, Field::Number(number)) => data.granularity = number as i64,
                (19, Field::Number(number)) => data.offset[1] = number as i64,
                (20, Field::Number(number)) => data.offset[0] = number as i64,
                _ => {}
            }
        }
        Ok(data)
    }

    /// A string; empty where there is none.
    pub(super) fn string(&self, number: u32) -> &'a [u8] {
        self.strings.get(number as usize).copied().unwrap_or_default()
    }

    fn at(&self, lon: i64, lat: i64) -> [f64; 2] {
        let degrees = |offset: i64, value: i64| {
            1e-9 * (offset as f64 + self.granularity as f64 * value as f64)
        };
        [degrees(self.offset[0], lon), degrees(self.offset[1], lat)]
    }

    /// Visits the messages of one kind: 1 nodes, 2 dense nodes, 3 ways, 4 relations.
    fn each(&self, kind: u32, mut visit: impl FnMut(&'a [u8]) -> Result<()>) -> Result<()> {
        for group in &self.groups {
            let mut message = Message(group);
            while let Some((field, value)) = message.next()? {
                match value {
                    Field::Bytes(inner) if field == kind => visit(inner)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    pub(super) fn nodes(&self, mut visit: impl FnMut(Node<'_>)) -> Result<()> {
        self.each(2, |dense| self.dense(dense, &mut visit))?;
        self.each(1, |bytes| {
            let (mut id, mut lon, mut lat) = (0, 0, 0);
            let (mut keys, mut values) = (&[][..], &[][..]);
            let mut message = Message(bytes);
            while let Some((field, value)) = message.next()? {
                match (field, value) {
                    (1, Field::Number(number)) => id = signed(number),
                    (2, Field::Bytes(packed)) => keys = packed,
                    (3, Field::Bytes(packed)) => values = packed,
                    (8, Field::Number(number)) => lat = signed(number),
                    (9, Field::Number(number)) => lon = signed(number),
                    _ => {}
                }
            }
            visit(Node { id, at: self.at(lon, lat), tags: &tags(keys, values) });
            Ok(())
        })
    }

    fn dense(&self, bytes: &[u8], visit: &mut impl FnMut(Node<'_>)) -> Result<()> {
        let mut parts = [&[][..]; 4];
        let mut message = Message(bytes);
        while let Some((field, value)) = message.next()? {
            match (field, value) {
                (1, Field::Bytes(packed)) => parts[0] = packed,
                (8, Field::Bytes(packed)) => parts[1] = packed,
                (9, Field::Bytes(packed)) => parts[2] = packed,
                (10, Field::Bytes(packed)) => parts[3] = packed,
                _ => {}
            }
        }
        let [ids, lats, lons, keys_values] = parts;
        let mut strings = numbers(keys_values);
        let mut own = Tags::new();
        for ((id, lat), lon) in deltas(ids).zip(deltas(lats)).zip(deltas(lons)) {
            own.clear();
            // Key, value, key, value, … and a zero after each node; nothing at all where
            // no node has any.
            while let Some(key) = strings.next().filter(|key| *key != 0) {
                own.push((key as u32, strings.next().unwrap_or_default() as u32));
            }
            visit(Node { id, at: self.at(lon, lat), tags: &own });
        }
        Ok(())
    }

    pub(super) fn ways(&self, mut visit: impl FnMut(Way<'a>)) -> Result<()> {
        self.each(3, |bytes| {
            let (mut id, mut keys, mut values, mut refs) = (0, &[][..], &[][..], &[][..]);
            let mut message = Message(bytes);
            while let Some((field, value)) = message.next()? {
                match (field, value) {
                    (1, Field::Number(number)) => id = number as i64,
                    (2, Field::Bytes(packed)) => keys = packed,
                    (3, Field::Bytes(packed)) => values = packed,
                    (8, Field::Bytes(packed)) => refs = packed,
                    _ => {}
                }
            }
            visit(Way { id, tags: tags(keys, values), refs });
            Ok(())
        })
    }

    pub(super) fn relations(&self, mut visit: impl FnMut(Relation<'a>)) -> Result<()> {
        self.each(4, |bytes| {
            let (mut id, mut keys, mut values) = (0, &[][..], &[][..]);
            let (mut roles, mut members, mut kinds) = (&[][..], &[][..], &[][..]);
            let mut message = Message(bytes);
            while let Some((field, value)) = message.next()? {
                match (field, value) {
                    (1, Field::Number(number)) => id = number as i64,
                    (2, Field::Bytes(packed)) => keys = packed,
                    (3, Field::Bytes(packed)) => values = packed,
                    (8, Field::Bytes(packed)) => roles = packed,
                    (9, Field::Bytes(packed)) => members = packed,
                    (10, Field::Bytes(packed)) => kinds = packed,
                    _ => {}
                }
            }
            visit(Relation { id, tags: tags(keys, values), roles, members, kinds });
            Ok(())
        })
    }
}

fn tags(keys: &[u8], values: &[u8]) -> Tags {
    numbers(keys).zip(numbers(values)).map(|(key, value)| (key as u32, value as u32)).collect()
}
