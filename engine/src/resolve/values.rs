//! Abstract values: what a variable may hold, as far as resolution needs to know.

use distsys_facts::{ClassId, FunctionId, ModuleId, VarId};
use rustc_hash::FxHashMap;

use crate::paths::PathId;

/// Which copy of the data a connection leads to, as its configuration or name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum HandleRole {
    #[default]
    Unknown,
    Primary,
    Replica,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueKind {
    Function(FunctionId),
    /// The class itself.
    Class(ClassId),
    /// An instance of the class or of one that derives from it.
    Instance(ClassId),
    Module(ModuleId),
    /// Something outside of the project: a module, a function, a type, or what a call of it gave.
    External(PathId),
    /// The object, dictionary or array literal that `VarId` was made by.
    Object(VarId),
    /// A collection of such values.
    Collection(ValueId),
    /// The constant of a module, a class or an object literal that `VarId` is the literal of.
    Literal(VarId),
}

/// A value with what sticks to it on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    pub kind: ValueKind,
    /// The project class through which an outside name was reached (`Order` of `Order.objects`, of `Repository<Order>`).
    pub class: Option<ClassId>,
    pub role: HandleRole,
}

impl Value {
    pub fn new(kind: ValueKind) -> Self {
        Value { kind, class: None, role: HandleRole::Unknown }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(u32);

/// Every value, once.
#[derive(Debug, Default)]
pub struct Values {
    values: Vec<Value>,
    ids: FxHashMap<Value, ValueId>,
}

impl Values {
    pub fn intern(&mut self, value: Value) -> ValueId {
        *self.ids.entry(value).or_insert_with(|| {
            self.values.push(value);
            ValueId(self.values.len() as u32 - 1)
        })
    }

    pub fn get(&self, id: ValueId) -> Value {
        self.values[id.0 as usize]
    }

    pub fn all(&self) -> impl Iterator<Item = Value> + '_ {
        self.values.iter().copied()
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// The sets of values of all nodes: the first inline, the others in a block aside, because most nodes have none or one.
#[derive(Debug, Default)]
pub struct Sets {
    heads: Vec<Head>,
    blocks: Vec<[u32; MAX_SET - 1]>,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    first: u32,
    /// The number of the block.
    more: u32,
}

/// No value, no block.
const NONE: u32 = u32::MAX;

/// A set that grows beyond this says nothing any more; it is closed and what rests on it has low confidence.
pub const MAX_SET: usize = 8;

impl Sets {
    pub fn grow(&mut self, nodes: usize) {
        if self.heads.len() < nodes {
            self.heads.resize(nodes, Head { first: NONE, more: NONE });
        }
    }

    /// True if the value is new to the node.
    pub fn add(&mut self, node: u32, value: ValueId) -> bool {
        let head = &mut self.heads[node as usize];
        if head.first == NONE {
            head.first = value.0;
            return true;
        }
        if head.first == value.0 {
            return false;
        }
        if head.more == NONE {
            head.more = self.blocks.len() as u32;
            self.blocks.push([NONE; MAX_SET - 1]);
        }
        for slot in &mut self.blocks[head.more as usize] {
            if *slot == value.0 {
                return false;
            }
            if *slot == NONE {
                *slot = value.0;
                return true;
            }
        }
        false
    }

    pub fn of(&self, node: u32) -> impl Iterator<Item = ValueId> + '_ {
        let head = self.heads.get(node as usize);
        let first = head.map(|head| head.first);
        let more = head.and_then(|head| self.blocks.get(head.more as usize));
        first.into_iter().chain(more.into_iter().flatten().copied()).take_while(|raw| *raw != NONE).map(ValueId)
    }

    pub fn is_empty(&self, node: u32) -> bool {
        self.of(node).next().is_none()
    }

    pub fn len_of(&self, node: u32) -> usize {
        self.of(node).count()
    }
}
