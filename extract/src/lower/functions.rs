//! Functions, parameters and classes.

use distsys_facts::schema::{
    Block, Class, ClassAnnotation, Extends, Field, FieldAnnotation, Function, FunctionAnnotation, Method, Parameter,
    ParameterAnnotation, Region, ReturnType, TypeAlias,
};
use distsys_facts::{
    BlockId, ClassId, ClassKind, FunctionFlags, FunctionId, FunctionKind, ParameterKind, RegionId, RegionKind, SiteId,
    Sym, VarId,
};

use super::control::{LoopFrame, TryFrame};
use super::{Lowering, Span};

/// The state of a function that is being lowered.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) function: FunctionId,
    pub(super) qualified: Sym,
    pub(super) regions: Vec<RegionId>,
    pub(super) block: BlockId,
    pub(super) loops: Vec<LoopFrame>,
    pub(super) tries: Vec<TryFrame>,
    parameters: u32,
}

/// What is known of a function when it begins.
#[derive(Clone, Copy, Debug)]
pub struct FunctionSpec<'a> {
    /// Empty for anonymous ones, which get the name `closure`.
    pub name: &'a str,
    pub kind: FunctionKind,
    pub flags: FunctionFlags,
    pub class: Option<ClassId>,
    /// Annotated return type in the schema's spelling, or empty.
    pub return_type: &'a str,
    /// From the first decorator or keyword to the end of the body.
    pub span: Span,
}

/// A parameter of the function that has just begun.
#[derive(Clone, Copy, Debug)]
pub struct ParameterSpec<'a> {
    pub name: &'a str,
    pub kind: ParameterKind,
    /// Annotated type in the schema's spelling, or empty.
    pub type_: &'a str,
    /// Evaluated before the function began.
    pub default: Option<VarId>,
}

#[derive(Clone, Copy, Debug)]
pub struct ClassSpec<'a> {
    pub name: &'a str,
    pub kind: ClassKind,
    /// The class whose body it stands in.
    pub outer: Option<ClassId>,
    pub span: Span,
}

impl Lowering<'_> {
    pub(super) fn begin_module_function(&mut self) {
        let span = Span::new(0, self.source.text().len() as u32);
        let flags = FunctionFlags::default();
        self.begin_function(FunctionSpec {
            name: "<module>",
            kind: FunctionKind::Module,
            flags,
            class: None,
            return_type: "",
            span,
        });
    }

    /// Begins a function inside the current one and opens its scope. Parameters follow, then the body, then
    /// [`Lowering::end_function`]. The value that holds the function is made by [`Lowering::function_value`].
    pub fn begin_function(&mut self, spec: FunctionSpec<'_>) -> FunctionId {
        let function: FunctionId = self.facts.fresh();
        let parent = self.frames.last();
        let (parent_id, prefix) =
            (parent.map(|frame| frame.function), parent.map_or(Sym::EMPTY, |frame| frame.qualified));
        let name = if spec.name.is_empty() { "closure" } else { spec.name };
        let class = spec.class.and_then(|id| self.facts.relations.class.get(id_index(id)).map(|row| row.qualified));
        let in_module = self.frames.len() <= 1;
        let qualified = match class {
            Some(class) => format!("{}.{name}", self.facts.text(class)),
            None if in_module => name.to_owned(),
            None => format!("{}.{name}", self.facts.text(prefix)),
        };
        let (name, qualified) = (self.facts.intern(name), self.facts.intern(&qualified));
        let (start, end) = (self.source.position(spec.span.start), self.source.position(spec.span.end));
        let module = self.module();
        self.facts.relations.function.push(Function {
            function,
            module,
            parent: parent_id,
            class: spec.class,
            name,
            qualified,
            kind: spec.kind,
            flags: spec.flags,
            start,
            end,
        });
        if !spec.return_type.is_empty() {
            let type_ = self.facts.intern(spec.return_type);
            self.facts.relations.return_type.push(ReturnType { function, type_ });
        }
        if let Some(class) = spec.class {
            self.facts.relations.method.push(Method { class, name, function });
        }
        let region: RegionId = self.facts.fresh();
        self.facts.relations.region.push(Region { region, function, parent: None, kind: RegionKind::Body, start, end });
        let block: BlockId = self.facts.fresh();
        self.facts.relations.block.push(Block { block, function, region });
        self.frames.push(Frame {
            function,
            qualified,
            regions: vec![region],
            block,
            loops: Vec::new(),
            tries: Vec::new(),
            parameters: 0,
        });
        self.push_scope();
        function
    }

    pub fn end_function(&mut self) {
        self.pop_scope();
        self.frames.pop();
    }

    /// Adds flags that show only in the body (`yield`).
    pub fn add_function_flags(&mut self, function: FunctionId, flags: FunctionFlags) {
        if let Some(row) = self.facts.relations.function.get_mut(distsys_facts::Id::index(function)) {
            row.flags |= flags;
        }
    }

    /// Declares the next parameter of the current function. A destructured parameter has the name `""`; the caller
    /// loads its parts.
    pub fn parameter(&mut self, spec: ParameterSpec<'_>) -> VarId {
        let var = if spec.name.is_empty() { self.fresh_var() } else { self.declare(spec.name) };
        let (name, type_) = (self.facts.intern(spec.name), self.facts.intern(spec.type_));
        let function = self.function();
        let frame = self.frame();
        let index = frame.parameters;
        frame.parameters += 1;
        let (kind, default) = (spec.kind, spec.default);
        self.facts.relations.parameter.push(Parameter { function, index, var, name, kind, type_, default });
        var
    }

    /// How many parameters the current function has so far, the receiver among them.
    pub fn declared_parameters(&mut self) -> u32 {
        self.frame().parameters
    }

    /// Begins a class inside the current module; its members follow with `class` set to the id.
    pub fn class(&mut self, spec: ClassSpec<'_>) -> ClassId {
        let class: ClassId = self.facts.fresh();
        let name = self.facts.intern(spec.name);
        let outer = spec.outer.and_then(|id| self.facts.relations.class.get(id_index(id)).map(|row| row.qualified));
        let qualified = match self.frames.last() {
            _ if outer.is_some() => {
                let text = format!("{}.{}", outer.map_or("", |outer| self.facts.text(outer)), spec.name);
                self.facts.intern(&text)
            }
            Some(frame) if self.frames.len() > 1 => {
                let text = format!("{}.{}", self.facts.text(frame.qualified), spec.name);
                self.facts.intern(&text)
            }
            _ => name,
        };
        let (start, end) = (self.source.position(spec.span.start), self.source.position(spec.span.end));
        let module = self.module();
        self.facts.relations.class.push(Class { class, module, name, qualified, kind: spec.kind, start, end });
        class
    }

    /// `base` in the schema's spelling of types.
    pub fn extends(&mut self, class: ClassId, index: u32, base: &str) {
        let base = self.facts.intern(base);
        self.facts.relations.extends.push(Extends { class, index, base });
    }

    pub fn field(&mut self, class: ClassId, name: &str, type_: &str, value: Option<VarId>) {
        let (name, type_) = (self.facts.intern(name), self.facts.intern(type_));
        self.facts.relations.field.push(Field { class, name, type_, value });
    }

    pub fn type_alias(&mut self, name: &str, type_: &str) {
        let (name, type_) = (self.facts.intern(name), self.facts.intern(type_));
        let module = self.module();
        self.facts.relations.type_alias.push(TypeAlias { module, name, type_ });
    }

    pub fn annotate_function(&mut self, function: FunctionId, site: SiteId) {
        self.facts.relations.function_annotation.push(FunctionAnnotation { function, site });
    }

    pub fn annotate_class(&mut self, class: ClassId, site: SiteId) {
        self.facts.relations.class_annotation.push(ClassAnnotation { class, site });
    }

    pub fn annotate_field(&mut self, class: ClassId, name: &str, site: SiteId) {
        let name = self.facts.intern(name);
        self.facts.relations.field_annotation.push(FieldAnnotation { class, name, site });
    }

    pub fn annotate_parameter(&mut self, function: FunctionId, index: u32, site: SiteId) {
        self.facts.relations.parameter_annotation.push(ParameterAnnotation { function, index, site });
    }
}

fn id_index(id: ClassId) -> usize {
    distsys_facts::Id::index(id)
}
