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

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// The sets of values of all nodes: the first inline, the rest aside, because most nodes have none or one.
#[derive(Debug, Default)]
pub struct Sets {
    first: Vec<u32>,
    more: FxHashMap<u32, Vec<ValueId>>,
}

const NONE: u32 = u32::MAX;

/// A set that grows beyond this says nothing any more; it is closed and what rests on it has low confidence.
pub const MAX_SET: usize = 8;

impl Sets {
    pub fn grow(&mut self, nodes: usize) {
        if self.first.len() < nodes {
            self.first.resize(nodes, NONE);
        }
    }

    /// True if the value is new to the node.
    pub fn add(&mut self, node: u32, value: ValueId) -> bool {
        let first = &mut self.first[node as usize];
        if *first == NONE {
            *first = value.0;
            return true;
        }
        if *first == value.0 {
            return false;
        }
        let more = self.more.entry(node).or_default();
        if more.contains(&value) || more.len() + 1 >= MAX_SET {
            return false;
        }
        more.push(value);
        true
    }

    pub fn of(&self, node: u32) -> impl Iterator<Item = ValueId> + '_ {
        let first = self.first.get(node as usize).copied().filter(|raw| *raw != NONE).map(ValueId);
        first.into_iter().chain(self.more.get(&node).into_iter().flatten().copied())
    }

    pub fn is_empty(&self, node: u32) -> bool {
        self.first.get(node as usize).is_none_or(|raw| *raw == NONE)
    }

    pub fn len_of(&self, node: u32) -> usize {
        if self.is_empty(node) { 0 } else { 1 + self.more.get(&node).map_or(0, Vec::len) }
    }
}
