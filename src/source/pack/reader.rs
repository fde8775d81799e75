//! Reads single objects, remembering what was just made: the next one is often made from it.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use git2::{ObjectType, Oid};

use super::entry::Stored;
use super::inflate::Inflater;
use super::{Broken, MAX_CHAIN, Node, Pack, delta};

/// How many bytes of objects are remembered.
const MAX_REMEMBERED_BYTES: usize = 48 << 20;

const TOO_LARGE: Broken = Broken("it is too large");

type Object = (ObjectType, Rc<Vec<u8>>);

/// Reads objects from packs, one after another.
pub(in crate::source) struct Reader<'a> {
    packs: &'a [Pack],
    max_bytes: u64,
    inflater: Inflater,
    delta: Vec<u8>,
    remembered: HashMap<(usize, Node), Object>,
    /// What is remembered, the oldest first.
    ages: VecDeque<(usize, Node)>,
    remembered_bytes: usize,
}

impl<'a> Reader<'a> {
    /// Returns a reader of objects of at most `max_bytes`.
    pub(in crate::source) fn new(packs: &'a [Pack], max_bytes: u64) -> Self {
        Self {
            packs,
            max_bytes,
            inflater: Inflater::new(),
            delta: Vec::new(),
            remembered: HashMap::new(),
            ages: VecDeque::new(),
            remembered_bytes: 0,
        }
    }

    /// Reads an object, or none where it is in no pack, too large, or can't be read.
    pub(in crate::source) fn read(&mut self, oid: Oid) -> Option<Object> {
        let packs = self.packs.iter().enumerate();
        let mut places = packs.filter_map(|(number, pack)| Some((number, pack.find(oid)?)));
        places.find_map(|(pack, node)| self.make(pack, node).ok())
    }

    fn make(&mut self, number: usize, node: Node) -> Result<Object, Broken> {
        let pack = &self.packs[number];
        let forest = pack.forest();
        // Down to something that is remembered or stored whole, and up again.
        let mut chain = vec![node];
        let mut object = loop {
            let last = chain[chain.len() - 1];
            if let Some(object) = self.remembered.get(&(number, last)) {
                chain.pop();
                break object.clone();
            }
            match forest.base(last) {
                Some(base) if chain.len() < MAX_CHAIN => chain.push(base),
                Some(_) => return Err(Broken("it is made in more steps than git takes")),
                None => {
                    chain.pop();
                    let object = self.whole(pack, last)?;
                    break self.remember((number, last), object);
                }
            }
        };
        for next in chain.into_iter().rev() {
            let bytes = self.difference(pack, next, &object.1)?;
            object = self.remember((number, next), (object.0, Rc::new(bytes)));
        }
        Ok(object)
    }

    fn whole(&mut self, pack: &Pack, node: Node) -> Result<Object, Broken> {
        let (entry, data) = pack.entry(node)?;
        let Stored::Whole(kind) = entry.stored else {
            return Err(Broken("its base is not in this pack"));
        };
        if entry.size > self.max_bytes {
            return Err(TOO_LARGE);
        }
        let mut bytes = Vec::new();
        self.inflater.inflate(data, entry.size, &mut bytes)?;
        Ok((kind, Rc::new(bytes)))
    }

    fn difference(&mut self, pack: &Pack, node: Node, base: &[u8]) -> Result<Vec<u8>, Broken> {
        let (entry, data) = pack.entry(node)?;
        let delta = self.inflater.inflate_over(data, entry.size, &mut self.delta)?;
        let (_, size, _) = delta::sizes(delta).ok_or(Broken("a difference has no head"))?;
        if size > self.max_bytes {
            return Err(TOO_LARGE);
        }
        let mut bytes = Vec::new();
        delta::apply(base, delta, &mut bytes, &mut Vec::new())?;
        Ok(bytes)
    }

    fn remember(&mut self, place: (usize, Node), object: Object) -> Object {
        self.remembered_bytes += object.1.len();
        self.remembered.insert(place, object.clone());
        self.ages.push_back(place);
        while self.remembered_bytes > MAX_REMEMBERED_BYTES
            && let Some(oldest) = self.ages.pop_front()
        {
            let forgotten = self.remembered.remove(&oldest);
            self.remembered_bytes -= forgotten.map_or(0, |(_, bytes)| bytes.len());
        }
        object
    }
}
