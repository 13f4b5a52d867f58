//! Imports, exports and the names that a list of statements declares.

use distsys_facts::VarId;
use oxc_ast::ast::{
    AssignmentTarget, BindingPattern, Declaration, ExportDefaultDeclarationKind, Expression, ImportDeclaration,
    ImportDeclarationSpecifier, ModuleDeclaration, Statement, TSModuleReference, VariableDeclaration,
    VariableDeclarationKind,
};

use super::Lower;

impl Lower<'_> {
    /// Declares what the statements of a block bind, before any of them is lowered: functions may use what comes later.
    pub(super) fn declare(&mut self, statements: &[Statement<'_>]) {
        for statement in statements {
            if let Some(declaration) = statement.as_declaration() {
                self.declare_declaration(declaration, false);
            } else if let Some(module) = statement.as_module_declaration() {
                match module {
                    ModuleDeclaration::ImportDeclaration(import) => self.import(import),
                    ModuleDeclaration::ExportDeclaration(export) => self.declare_declaration(&export.declaration, true),
                    ModuleDeclaration::ExportDefaultDeclaration(export) => {
                        let id = match &export.declaration {
                            ExportDefaultDeclarationKind::FunctionDeclaration(function) => function.id.as_ref(),
                            ExportDefaultDeclarationKind::ClassDeclaration(class) => class.id.as_ref(),
                            _ => None,
                        };
                        if let Some(id) = id {
                            self.to.declare_once(id.name.as_str());
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn declare_declaration(&mut self, declaration: &Declaration<'_>, export: bool) {
        match declaration {
            Declaration::VariableDeclaration(variables) => self.declare_variables(variables, export),
            Declaration::FunctionDeclaration(function) => {
                self.declare_name(function.id.as_ref().map(|id| id.name.as_str()), export)
            }
            Declaration::ClassDeclaration(class) => {
                self.declare_name(class.id.as_ref().map(|id| id.name.as_str()), export)
            }
            Declaration::TSInterfaceDeclaration(interface) => {
                self.declare_name(Some(interface.id.name.as_str()), export)
            }
            Declaration::TSEnumDeclaration(enum_) => self.declare_name(Some(enum_.id.name.as_str()), export),
            Declaration::TSNamespaceDeclaration(namespace) => {
                self.declare_name(Some(namespace.id.name.as_str()), export)
            }
            Declaration::TSImportEqualsDeclaration(import) => {
                if let TSModuleReference::ExternalModuleReference(reference) = &import.module_reference {
                    self.to.import(import.id.name.as_str(), reference.expression.value.as_str(), "");
                }
            }
            _ => {}
        }
    }

    fn declare_name(&mut self, name: Option<&str>, export: bool) {
        let Some(name) = name else { return };
        let var = self.to.declare_once(name);
        if export {
            self.to.export(name, var);
        }
    }

    fn declare_variables(&mut self, variables: &VariableDeclaration<'_>, export: bool) {
        for declarator in &variables.declarations {
            if let (Some(target), false) = (declarator.init.as_ref().and_then(required), export)
                && self.required_names(&declarator.id, target)
            {
                continue;
            }
            self.declare_pattern(&declarator.id, variables.kind == VariableDeclarationKind::Var, export);
        }
    }

    pub(super) fn declare_pattern(&mut self, pattern: &BindingPattern<'_>, hoisted: bool, export: bool) {
        match pattern {
            BindingPattern::BindingIdentifier(id) => {
                let name = id.name.as_str();
                let var = if hoisted { self.to.declare_in_function(name) } else { self.to.declare_once(name) };
                if export {
                    self.to.export(name, var);
                }
            }
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    self.declare_pattern(&property.value, hoisted, export);
                }
                if let Some(rest) = &object.rest {
                    self.declare_pattern(&rest.argument, hoisted, export);
                }
            }
            BindingPattern::ArrayPattern(array) => {
                for element in array.elements.iter().flatten() {
                    self.declare_pattern(element, hoisted, export);
                }
                if let Some(rest) = &array.rest {
                    self.declare_pattern(&rest.argument, hoisted, export);
                }
            }
            BindingPattern::AssignmentPattern(assignment) => self.declare_pattern(&assignment.left, hoisted, export),
        }
    }

    /// `const m = require("m")`, `const { a, b: c } = require("m")`; false for other shapes.
    fn required_names(&mut self, pattern: &BindingPattern<'_>, target: &str) -> bool {
        match pattern {
            BindingPattern::BindingIdentifier(id) => {
                self.to.import(id.name.as_str(), target, "");
                true
            }
            BindingPattern::ObjectPattern(object) if object.rest.is_none() => {
                let plain = object.properties.iter().all(|property| {
                    matches!(property.value, BindingPattern::BindingIdentifier(_))
                        && property.key.static_name().is_some()
                });
                if !plain {
                    return false;
                }
                for property in &object.properties {
                    if let (BindingPattern::BindingIdentifier(id), Some(member)) =
                        (&property.value, property.key.static_name())
                    {
                        self.to.import(id.name.as_str(), target, &member);
                    }
                }
                true
            }
            _ => false,
        }
    }

    fn import(&mut self, import: &ImportDeclaration<'_>) {
        let target = import.source.value.as_str();
        for specifier in import.specifiers.iter().flatten() {
            match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(specifier) => {
                    self.to.import(specifier.local.name.as_str(), target, specifier.imported.name().as_str());
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(specifier) => {
                    self.to.import(specifier.local.name.as_str(), target, "default");
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(specifier) => {
                    self.to.import(specifier.local.name.as_str(), target, "");
                }
            }
        }
    }

    pub(super) fn module_declaration(&mut self, module: &ModuleDeclaration<'_>) {
        self.served = self.in_served_file;
        self.offered(module);
        self.served = None;
    }

    fn offered(&mut self, module: &ModuleDeclaration<'_>) {
        match module {
            ModuleDeclaration::ExportDeclaration(export) => self.declaration(&export.declaration),
            ModuleDeclaration::ExportNamedDeclaration(export) => {
                for specifier in &export.specifiers {
                    let var = self.to.name(specifier.local.name().as_str());
                    self.to.export(specifier.exported.name().as_str(), var);
                }
            }
            ModuleDeclaration::ExportFromDeclaration(export) => {
                let target = export.source.value.as_str();
                for specifier in &export.specifiers {
                    self.to.reexport(specifier.exported.name().as_str(), target, specifier.local.name().as_str());
                }
            }
            ModuleDeclaration::ExportAllDeclaration(export) => {
                let target = export.source.value.as_str();
                match &export.exported {
                    Some(name) => {
                        let name = name.name();
                        let var = self.to.fresh_var();
                        self.to.import_to(var, target, "");
                        self.to.export(name.as_str(), var);
                    }
                    None => self.to.reexport("*", target, "*"),
                }
            }
            ModuleDeclaration::ExportDefaultDeclaration(export) => {
                let var = match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                        let id = function.id.as_ref().map(|id| id.name.as_str());
                        let value = self.function(function, id.unwrap_or("default"), None);
                        self.named(id, value)
                    }
                    ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                        let value = self.class_value(class, "default");
                        self.named(class.id.as_ref().map(|id| id.name.as_str()), value)
                    }
                    ExportDefaultDeclarationKind::TSInterfaceDeclaration(interface) => {
                        self.interface(interface);
                        self.to.name(interface.id.name.as_str())
                    }
                    other => match other.as_expression() {
                        Some(expression) => self.named_expression(expression, "default"),
                        None => return,
                    },
                };
                self.to.export("default", var);
            }
            ModuleDeclaration::TSExportAssignment(export) => {
                let value = self.expression(&export.expression);
                self.to.export("=", value);
            }
            ModuleDeclaration::ImportDeclaration(_) | ModuleDeclaration::TSNamespaceExportDeclaration(_) => {}
        }
    }

    fn named(&mut self, name: Option<&str>, value: VarId) -> VarId {
        match name {
            Some(name) => {
                let var = self.to.name(name);
                self.to.assign(var, value);
                var
            }
            None => value,
        }
    }

    /// `module.exports = x`, `module.exports.a = x`, `exports.a = x`; true if it is one.
    pub(super) fn common_js_export(&mut self, target: &AssignmentTarget<'_>, right: &Expression<'_>) -> Option<VarId> {
        let AssignmentTarget::StaticMemberExpression(member) = target else { return None };
        let name = member.property.name.as_str();
        if is_module_exports(&member.object, name) {
            let value = self.named_expression(right, "exports");
            self.to.export("=", value);
            if let Expression::ObjectExpression(object) = right {
                for property in &object.properties {
                    if let oxc_ast::ast::ObjectPropertyKind::ObjectProperty(property) = property
                        && let Some(key) = property.key.static_name()
                    {
                        let var = self.to.load(value, &key);
                        self.to.export(&key, var);
                    }
                }
            }
            return Some(value);
        }
        let is_exports = match &member.object {
            Expression::Identifier(id) => id.name == "exports",
            Expression::StaticMemberExpression(inner) => is_module_exports(&inner.object, inner.property.name.as_str()),
            _ => false,
        };
        if !is_exports {
            return None;
        }
        let value = self.named_expression(right, name);
        self.to.export(name, value);
        Some(value)
    }

    /// A constant `require(…)` or `import(…)` in an expression.
    pub(super) fn required_value(&mut self, target: &str) -> VarId {
        let var = self.to.fresh_var();
        self.to.import_to(var, target, "");
        var
    }
}

fn is_module_exports(object: &Expression<'_>, property: &str) -> bool {
    property == "exports" && matches!(object, Expression::Identifier(id) if id.name == "module")
}

/// The module that `require("…")` asks for.
pub(super) fn required<'e>(expression: &'e Expression<'_>) -> Option<&'e str> {
    let Expression::CallExpression(call) = expression else { return None };
    let Expression::Identifier(callee) = &call.callee else { return None };
    if callee.name != "require" || call.arguments.len() != 1 {
        return None;
    }
    match call.arguments.first()?.as_expression()? {
        Expression::StringLiteral(text) => Some(text.value.as_str()),
        _ => None,
    }
}
