//! The schema: every extracted relation, declared once. All else (row types, bundle format, exports, reference page,
//! what queries may name) is generated from this list.
//!
//! Conventions
//! - A relation's doc is one sentence that restates its arguments.
//! - Ids of sites ascend in evaluation order within a block, ids of functions in source order.
//! - Text columns hold `""` and id columns raw `0` for "none".
//! - **Qualified names and types are spelled in one way in all languages**: segments joined by `.` (Rust's `::` too), type
//!   arguments in `<…,…>`, alternatives joined by `|`, no blanks, no references, lifetimes or `mut`
//!   (`Optional[Session]` → `Optional<Session>`, `&'a Arc<Mutex<T>>` → `Arc<Mutex<T>>`, `Order[]` → `Array<Order>`).

use crate::ids::{BlockId, ClassId, FileId, FunctionId, ModuleId, Position, RegionId, SiteId, Sym, VarId};
use crate::relation::relations;
use crate::words::{
    CallKind, ClassKind, DiagnosticKind, EdgeKind, FunctionFlags, FunctionKind, Language, LiteralKind, ParameterKind,
    RegionKind, Role, SiteKind, SqlVerb,
};

relations! {
    // ---- places

    /// `file` stands at `path`, relative to the root and with `/`, is written in `language`, serves as `role` and has `lines` lines.
    file: File { file: FileId, path: Sym, language: Language, role: Role, lines: u32 }
    /// `module` is the top level of `file` (no `parent`; `name` is the package that it says it belongs to, or empty) or an inline module `name` inside `parent`.
    module: Module { module: ModuleId, file: FileId, parent: Option<ModuleId>, name: Sym }
    /// A comment on `line` of `file` says `distsys-graph: verb[rule] reason`.
    directive: Directive { file: FileId, line: u32, verb: Sym, rule: Sym, reason: Sym }
    /// Reading `file` met a problem of `kind` at `position`, told by `message`.
    diagnostic: Diagnostic { file: FileId, kind: DiagnosticKind, position: Position, message: Sym }

    // ---- names

    /// `var` is the variable `name`, declared in `function` and alive in `region`; temporaries of expressions have no such row.
    variable: Variable { var: VarId, function: FunctionId, region: RegionId, name: Sym }
    /// `var` is bound in `module` by an import to `member` of the module that `target` names as written (`member` empty: the module itself, `default`: its default export).
    import: Import { var: VarId, module: ModuleId, target: Sym, member: Sym }
    /// `module` binds every public name of the module that `target` names (`from x import *`, `use x::*`).
    import_glob: ImportGlob { module: ModuleId, target: Sym }
    /// `module` offers `name` to other modules, which is `var`; `default` and CommonJS `module.exports` (as `=`) are names too.
    export: Export { module: ModuleId, name: Sym, var: VarId }
    /// `module` offers as `name` (`*`: all) what `target` offers as `member` (`*`: all), without binding it.
    reexport: Reexport { module: ModuleId, name: Sym, target: Sym, member: Sym }
    /// `function`, of `kind` and `flags`, is `name` (`qualified` within its module), defined in `module`, inside `parent`, a member of `class`, from `start` to `end`.
    function: Function { function: FunctionId, module: ModuleId, parent: Option<FunctionId>, class: Option<ClassId>, name: Sym, qualified: Sym, kind: FunctionKind, flags: FunctionFlags, start: Position, end: Position }
    /// Parameter `index` (the receiver counts) of `function` is `var`, called `name`, of `kind`, annotated with `type_`, with `default` if it has one.
    parameter: Parameter { function: FunctionId, index: u32, var: VarId, name: Sym, kind: ParameterKind, type_: Sym, default: Option<VarId> }
    /// `function` is annotated to return `type_`.
    return_type: ReturnType { function: FunctionId, type_: Sym }
    /// `var` is annotated with `type_` where it is declared.
    declared_type: DeclaredType { var: VarId, type_: Sym }
    /// `class`, of `kind`, is `name` (`qualified` within its module), defined in `module` from `start` to `end`.
    class: Class { class: ClassId, module: ModuleId, name: Sym, qualified: Sym, kind: ClassKind, start: Position, end: Position }
    /// `class` extends or implements, as number `index`, the type `base`, as written.
    extends: Extends { class: ClassId, index: u32, base: Sym }
    /// `class` has the method `name`, which is `function`.
    method: Method { class: ClassId, name: Sym, function: FunctionId }
    /// `class` has the field `name`, annotated with `type_`, initialised or described by `value` if there is one.
    field: Field { class: ClassId, name: Sym, type_: Sym, value: Option<VarId> }
    /// In `module` the type name `name` stands for `type_`.
    type_alias: TypeAlias { module: ModuleId, name: Sym, type_: Sym }
    /// `function` carries the decorator or attribute that the call `site` describes.
    function_annotation: FunctionAnnotation { function: FunctionId, site: SiteId }
    /// `class` carries the decorator or attribute that the call `site` describes.
    class_annotation: ClassAnnotation { class: ClassId, site: SiteId }
    /// Field `name` of `class` carries the decorator or attribute that the call `site` describes.
    field_annotation: FieldAnnotation { class: ClassId, name: Sym, site: SiteId }
    /// Parameter `index` of `function` (the receiver counts) carries the decorator or attribute (or FastAPI-like marker) that the call `site` describes.
    parameter_annotation: ParameterAnnotation { function: FunctionId, index: u32, site: SiteId }

    // ---- code

    /// The program point `site`, of `kind`, is in `function`, directly inside `region`, in `block`, from `start` to `end`.
    site: Site { site: SiteId, function: FunctionId, region: RegionId, block: BlockId, kind: SiteKind, start: Position, end: Position }
    /// At `site` the value `callee`, or the member `name` of `receiver`, is called in the manner of `kind`, giving `result`.
    call: Call { site: SiteId, kind: CallKind, callee: Option<VarId>, receiver: Option<VarId>, name: Sym, result: VarId }
    /// The call `site` passes `var` at `position` (from 0, receiver not counted; `u32::MAX`: none) or as `keyword`; `keyword` `*` or `**` spreads it.
    argument: Argument { site: SiteId, position: u32, keyword: Sym, var: VarId }
    /// At `site` the function suspends until `var` is there.
    suspend: Suspend { site: SiteId, var: Option<VarId> }
    /// At `site` the function `function` returns `var` (also the value of an expression body).
    returns: Returns { site: SiteId, function: FunctionId, var: Option<VarId> }
    /// At `site` the function `function` returns `var` as its result `index`, beside the first one (Go's functions with several results).
    further_result: FurtherResult { site: SiteId, function: FunctionId, index: u32, var: VarId }
    /// At `site` the generator `function` yields `var`.
    yields: Yields { site: SiteId, function: FunctionId, var: Option<VarId> }
    /// At `site` the exception or error `var` is thrown (Rust: `?` and `return Err`, panics).
    throws: Throws { site: SiteId, var: Option<VarId> }
    /// At `site` the life of `var` ends (`drop(x)`, `del x`).
    releases: Releases { site: SiteId, var: VarId }
    /// `var` is the literal `value`, in plain notation (integers without separators, strings without quotes), of `kind`.
    literal: Literal { var: VarId, kind: LiteralKind, value: Sym }
    /// `var` is text made from `text`, in which each `{}` is a hole.
    template: Template { var: VarId, text: Sym }
    /// Hole `index` of the template `var` is filled with `value`.
    hole: Hole { var: VarId, index: u32, value: VarId }
    /// The object, dictionary or keyword literal `var` has `value` under `key` (empty: computed, `**`: all entries of `value`).
    entry: Entry { var: VarId, key: Sym, value: VarId }
    /// The list, tuple, set or array literal `var` has `value` at `index`.
    element: Element { var: VarId, index: u32, value: VarId }
    /// The value of `src` reaches `dst` unchanged (assignment, parameter passing by name, `x as T`, `await x`, `x?`, either arm of a conditional).
    assign: Assign { dst: VarId, src: VarId }
    /// The conditional `dst` is `taken` where `condition` holds, and `otherwise` where it does not (`a ?? b` is `a` where `a` is there, else `b`).
    choice: Choice { dst: VarId, condition: VarId, taken: VarId, otherwise: VarId }
    /// `dst` is `field` of `base` (`[]`: an element under a computed index, `[*]`: any element, as in a loop; `0`, `1`, …: an element under a constant index, as in destructuring).
    load: Load { dst: VarId, base: VarId, field: Sym }
    /// At `site`, `src` becomes `field` (`[]`: computed) of `base`.
    store: Store { site: SiteId, base: VarId, field: Sym, src: VarId }
    /// At `site`, `dst` is `left operator right`; without `right` the operator is unary. Augmented assignment counts; `[..]`: the part of `left` before `right`; `[for]`: a list of as many as `left` has.
    binary: Binary { site: SiteId, dst: VarId, operator: Sym, left: VarId, right: Option<VarId> }
    /// `var` is the free name `path`, used in `module`, that nothing in the file binds (`fetch`, `process`, `std`).
    global: Global { var: VarId, module: ModuleId, path: Sym }
    /// `var` is the function value `function`.
    closure: Closure { var: VarId, function: FunctionId }
    /// `var` is the class value `class`.
    class_value: ClassValue { var: VarId, class: ClassId }
    /// `function` uses `var`, which belongs to a function around it.
    capture: Capture { function: FunctionId, var: VarId }

    // ---- shape

    /// `region`, of `kind`, is in `function` directly inside `parent`, from `start` to `end`.
    region: Region { region: RegionId, function: FunctionId, parent: Option<RegionId>, kind: RegionKind, start: Position, end: Position }
    /// `region` is entered or repeated while `var` holds (for `Else`: while it does not).
    condition: Condition { region: RegionId, var: VarId }
    /// The loop `region` runs over the elements of `var`.
    iterates: Iterates { region: RegionId, var: VarId }
    /// The `with` region `region` enters the context manager `var`, binding what it gives to `bound` if named.
    manages: Manages { region: RegionId, var: VarId, bound: Option<VarId> }
    /// The handler `region` catches exceptions of `type_` (empty: all), binding `var` if named.
    catches: Catches { region: RegionId, type_: Sym, var: Option<VarId> }
    /// The handler or arm `region` does nothing: it has no statement (`pass` and `...` are none) but for one that returns a constant, and no comment that says why.
    idle: Idle { region: RegionId }
    /// The handler or arm `region` says in a comment that what fails there is borne: it is best effort, not fatal, not to fail for it.
    borne: Borne { region: RegionId }
    /// The handler or finalizer `region` belongs to the `try` region `body`.
    handles: Handles { region: RegionId, body: RegionId }
    /// `block` is a basic block of `function`, directly inside `region`.
    block: Block { block: BlockId, function: FunctionId, region: RegionId }
    /// Control may go from block `from` to block `to`, in the manner of `kind`.
    edge: Edge { from: BlockId, to: BlockId, kind: EdgeKind }

    // ---- data languages

    /// Statement `index` of the SQL text `var` (of a query those after the first are what it reads of tables that it joins and asks) does `verb` to `table` (`{1}`: what fills hole 1 of the template) with `columns` (of a query those that it selects, if it names all of them) and selects rows by `where_columns` (both comma-joined); `clauses` names, comma-joined, which of `for_update`, `for_share`, `skip_locked`, `on_conflict`, `returning`, `limit`, `offset`, `increment`, `atomic_where`, `newer_wins`, `takes_over` (of a lease that has run out), `tally` (of an upsert that counts one more, which is an `increment`, too), `if_absent` (of one that leaves a row that is there as it is), `concurrently`, `session_lock`, `session_unlock`, `transaction_lock` (of an advisory lock), `serializable` (of a transaction that is begun, or of what sets its isolation), `unique` (of a definition: `columns` are those of its unique keys) occur.
    sql: Sql { var: VarId, index: u32, verb: SqlVerb, table: Sym, columns: Sym, where_columns: Sym, clauses: Sym }
    /// The manifest `file` has `value` at `key` (dot-joined path, `[n]` for elements), on `line`.
    manifest: Manifest { file: FileId, key: Sym, value: Sym, line: u32 }
}
