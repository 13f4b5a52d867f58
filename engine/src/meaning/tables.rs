//! Classes of values, and the tables that their models stand for.

use distsys_facts::{ClassId, FunctionFlags, FunctionId, Id, ParameterKind, VarId};

use super::operations::{Found, Operand, Operation};
use super::reader::Reader;
use crate::operation::OpKind;
use crate::paths::PathId;
use crate::resolve::{Value, ValueKind};

impl<'m> Reader<'m, '_> {
    pub(super) fn receiver_class(&self, op: &Operation) -> Found {
        let receiver = self.call(op.call).and_then(|call| call.receiver);
        if let Some(own) = receiver.and_then(|var| self.own_in_chain(var, op.via.class)) {
            return Found::Is(own);
        }
        // A manager or query set of the project's own is of whatever class holds it.
        let said = |class: &ClassId| !self.resolution.is_held(*class);
        let class = op.via.class.or_else(|| receiver.and_then(|var| self.class_of(var)));
        let class = class.filter(said).map(Operand::Class);
        let foreign =
            || op.via.class.is_none().then(|| receiver.and_then(|var| self.foreign_class(var, op.function))).flatten();
        class.or_else(foreign).map_or(Found::Absent, Found::Is)
    }

    /// The class that a table is declared to be of, where a package beside the tree has it: `Repository<Order>`.
    fn foreign_class(&self, table: VarId, function: FunctionId) -> Option<Operand> {
        let program = self.program;
        let r = &program.facts.relations;
        let type_ = match program.loaded_as(table) {
            Some(load) => {
                let class = self.class_of(load.base)?;
                let mut fields = program.field_by_class.of(&r.field, class);
                fields.find(|row| row.name == load.field).map(|row| row.type_)?
            }
            None => program.parameter(table).map(|row| row.type_)?,
        };
        let name = program.text(type_).split_once('<')?.1.strip_suffix('>')?;
        let module = program.function(function).module;
        program.imported_as(module, name).next().map(|_| Operand::Text(name.to_owned()))
    }

    /// The one project class that `var` is, or is an instance of.
    pub(super) fn class_of(&self, var: VarId) -> Option<ClassId> {
        let mut found = None;
        for value in self.resolution.values_of(var) {
            let class = match value.kind {
                ValueKind::Class(class) | ValueKind::Instance(class) => class,
                ValueKind::External(_) => value.class?,
                ValueKind::Collection(inner) => match self.resolution.values.get(inner).kind {
                    ValueKind::Class(class) | ValueKind::Instance(class) => class,
                    _ => return None,
                },
                _ => continue,
            };
            if found.is_some_and(|known| known != class) {
                return None;
            }
            found = Some(class);
        }
        found
    }

    /// The project classes that `var` may be or be an instance of.
    pub(super) fn classes_of(&self, var: VarId) -> Vec<ClassId> {
        let of_value = |value: Value| match value.kind {
            ValueKind::Class(class) | ValueKind::Instance(class) => Some(class),
            _ => None,
        };
        let mut classes: Vec<ClassId> = self.resolution.values_of(var).filter_map(of_value).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// Whether `var` is a class of the project itself, not an object of it.
    pub(super) fn is_class(&self, var: VarId) -> bool {
        self.only_class(var).is_some()
    }

    pub(super) fn only_class(&self, var: VarId) -> Option<ClassId> {
        let mut values = self.resolution.values_of(var);
        match (values.next()?.kind, values.next()) {
            (ValueKind::Class(class), None) => Some(class),
            _ => None,
        }
    }

    /// The table that a class says it is of; none if it is called like the class.
    pub(super) fn table_of(&self, class: ClassId) -> Option<&'m str> {
        let program = self.program;
        let fields = program.field_by_class.of(&program.facts.relations.field, class);
        let mut named = fields
            .filter(|row| matches!(program.text(row.name), "__tablename__" | "tableName" | "table_name" | "TABLE"));
        let text = named.find_map(|row| program.literal(row.value?).map(|literal| program.text(literal.value)));
        let text = text.or_else(|| self.table_within(class)).or_else(|| self.table_by_method(class));
        text.or_else(|| self.annotated_entity(class))
    }

    /// Whether a class says that its objects are rows: by its table's name, or by an annotation of a mapper.
    pub(super) fn is_mapped(&self, class: ClassId) -> bool {
        let program = self.program;
        let is_declared = |class: ClassId| {
            let mut rows = program.annotation_by_class.of(&program.facts.relations.class_annotation, class);
            rows.any(|row| {
                let name = program.call(row.site).map(|call| program.written_name(call));
                let declares = name.and_then(|name| self.models.declares(self.family(row.site), name));
                declares.is_some_and(|declares| !declares.entity.is_empty())
            })
        };
        // `class Order(models.Model)`: what its library can save.
        let language = program.language(program.file_of_module(program.class(class).module));
        let is_saved = |base: &PathId| {
            let path = self.resolution.paths.text(*base);
            let ways = ["save", "create", "insert", "update"].iter().map(|way| format!("{path}.{way}"));
            let mut ops = ways.flat_map(|way| self.models.ops_of(language.into(), &way));
            ops.any(|op| self.models.op(language.into(), op).kind == OpKind::DbWrite)
        };
        self.table_of(class).is_some()
            || is_declared(class)
            || self.resolution.library_bases(class).iter().any(is_saved)
    }

    /// Whether rows are of the classes below a class and not of the class: it only says what they have in common.
    pub(super) fn is_base_of_rows(&self, class: ClassId) -> bool {
        let below = self.resolution.derived(class);
        !below.is_empty() && !self.is_mapped(class) && below.iter().any(|class| self.is_mapped(*class))
    }

    /// `class Meta: table = "orders"` within the class.
    fn table_within(&self, class: ClassId) -> Option<&'m str> {
        let program = self.program;
        let meta = self.meta_of(class)?;
        let mut fields = program.field_by_class.of(&program.facts.relations.field, meta);
        let named = fields.find(|row| matches!(program.text(row.name), "table" | "table_name"));
        if let Some(named) = named {
            return named.value.and_then(|value| self.constant(value));
        }
        let of = self.model_within(class)?;
        Some(self.table_of(of).unwrap_or_else(|| program.text(program.class(of).name)))
    }

    /// `class Meta: model = Order` within what takes an order in.
    pub(super) fn model_within(&self, class: ClassId) -> Option<ClassId> {
        let program = self.program;
        let mut line = self.resolution.ancestors(class).iter();
        let meta = line.find_map(|class| self.meta_of(*class))?;
        let mut fields = program.field_by_class.of(&program.facts.relations.field, meta);
        let value = fields.find(|row| program.text(row.name) == "model")?.value?;
        self.only_class(value).filter(|of| *of != class && *of != meta && self.is_model(*of))
    }

    /// A model is of no other.
    fn is_model(&self, class: ClassId) -> bool {
        let program = self.program;
        self.meta_of(class).is_none_or(|meta| {
            let mut fields = program.field_by_class.of(&program.facts.relations.field, meta);
            fields.all(|row| program.text(row.name) != "model")
        })
    }

    fn meta_of(&self, class: ClassId) -> Option<ClassId> {
        let program = self.program;
        let r = &program.facts.relations;
        let outer = program.text(program.class(class).qualified);
        // Classes within a class come right after it.
        let inner = r.class.iter().skip(class.index() + 1);
        let mut inner = inner.take_while(|row| {
            row.module == program.class(class).module
                && program.text(row.qualified).strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
        });
        inner.find(|row| program.text(row.name) == "Meta").map(|row| row.class)
    }

    /// `func (Order) TableName() string { return "orders" }`
    fn table_by_method(&self, class: ClassId) -> Option<&'m str> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut methods =
            self.resolution.ancestors(class).iter().flat_map(|class| program.method_by_class.of(&r.method, *class));
        let named = methods.find(|row| matches!(program.text(row.name), "TableName" | "tableName" | "table_name"))?;
        let mut given = program.returns_by_function.of(&r.returns, named.function);
        match (given.next().and_then(|row| row.var), given.next()) {
            (Some(only), None) => self.constant(only),
            _ => None,
        }
    }

    pub(super) fn is_own_class(&self, var: VarId) -> bool {
        let Some(row) = self.program.parameter(var).filter(|row| row.kind == ParameterKind::Receiver) else {
            return false;
        };
        let function = self.program.function(row.function);
        function.flags.has(FunctionFlags::STATIC)
            && function.class.is_some_and(|class| self.resolution.is_derived_from(class))
    }
}
