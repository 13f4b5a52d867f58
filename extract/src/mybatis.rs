//! MyBatis' mappers in XML: the statements that the methods of an interface run.
//!
//! Such a file is read as the class that the library makes of it: `<update id="pay">update orders …</update>` of the mapper
//! `shop.Orders` is a method of a class below `shop.Orders`, annotated as it would be in Java
//! (`@Update("update orders …")`), on the line that it has.

use std::fmt::Write as _;

use distsys_facts::{FactBase, Role};
use rustc_hash::FxHashMap;

use crate::front_end::FrontEnd;
use crate::java::Java;
use crate::markup::{Part, Parts, attribute};

/// The front end of mappers.
#[derive(Debug)]
pub(crate) struct MyBatis;

impl FrontEnd for MyBatis {
    fn name(&self) -> &'static str {
        "mybatis"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xml"]
    }

    /// By its name or its folder: most XML says other things.
    fn reads(&self, path: &str) -> bool {
        let path = path.to_ascii_lowercase();
        let Some((stem, "xml")) = path.rsplit_once('.') else { return false };
        let (folders, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        const FOLDERS: &[&str] = &["dao", "mapper", "mappers", "mapping", "mappings", "mybatis", "sqlmap"];
        ["mapper", "dao"].iter().any(|word| name.ends_with(word))
            || folders.split('/').any(|folder| FOLDERS.contains(&folder))
    }

    fn lower(&self, path: &str, text: &str, role: Role) -> FactBase {
        match as_java(text) {
            Some(java) => Java.lower(path, &java, role),
            None => FactBase::default(),
        }
    }
}

/// Pieces of statements by their names, with what stands in their tags.
type Pieces<'t> = FxHashMap<&'t str, &'t str>;

/// A piece includes pieces this deep.
const MAX_DEPTH: usize = 4;

/// A mapper as a class in Java, none if the text is no mapper of an interface. Each statement keeps its line.
fn as_java(text: &str) -> Option<String> {
    let mut parts = Parts::new(text);
    let mapper = parts.find_map(|(_, part)| match part {
        Part::Open { name, attributes, .. } => Some((name, attributes)),
        _ => None,
    });
    let namespace = mapper.filter(|(name, _)| *name == "mapper").and_then(|(_, said)| attribute(said, "namespace"))?;
    let (package, interface) = namespace.trim().rsplit_once('.')?;
    if !package.split('.').chain([interface]).all(is_name) {
        return None;
    }
    let mut pieces = Pieces::default();
    let mut statements: Vec<(usize, &str, &str, &str)> = Vec::new();
    while let Some((start, part)) = parts.next() {
        let Part::Open { name, attributes, closed: false } = part else { continue };
        let inner = inside(text, &mut parts, name);
        let Some(id) = attribute(attributes, "id") else { continue };
        match name {
            "sql" => {
                pieces.insert(id, inner);
            }
            "select" | "insert" | "update" | "delete" if is_name(id) => statements.push((start, name, id, inner)),
            _ => {}
        }
    }
    let mut java = format!("package {package}; class {interface}Xml implements {interface} {{");
    let mut at = 0;
    for (start, kind, id, inner) in statements {
        java.push_str(&"\n".repeat(lines_between(text, at, start)));
        at = start;
        let mut statement = String::new();
        put_in(&mut statement, inner, &pieces, MAX_DEPTH);
        let statement: Vec<&str> = statement.split_whitespace().collect();
        let statement = statement.join(" ").replace('\\', "\\\\").replace('"', "\\\"");
        let annotation = format!("org.apache.ibatis.annotations.{}{}", kind[..1].to_ascii_uppercase(), &kind[1..]);
        let _ = write!(java, "@{annotation}(\"<script>{statement}</script>\") public native Object {id}(); ");
    }
    java.push('}');
    (at > 0).then_some(java)
}

fn lines_between(text: &str, from: usize, to: usize) -> usize {
    text[from..to].bytes().filter(|byte| *byte == b'\n').count()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The text up to where the tag that was just opened is closed.
fn inside<'t>(text: &'t str, parts: &mut Parts<'t>, name: &str) -> &'t str {
    let (mut depth, mut start, mut end) = (1usize, None, text.len());
    for (at, part) in parts.by_ref() {
        start = start.or(Some(at));
        match part {
            Part::Open { name: inner, closed: false, .. } if inner == name => depth += 1,
            Part::Close(inner) if inner == name => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            end = at;
            break;
        }
    }
    start.and_then(|start| text.get(start..end)).unwrap_or("")
}

/// A statement as it stands, comments left out and pieces put in.
fn put_in(out: &mut String, inner: &str, pieces: &Pieces<'_>, depth: usize) {
    for (_, part) in Parts::new(inner) {
        match part {
            Part::Open { name: "include", attributes, .. } => {
                let piece = attribute(attributes, "refid").map(|id| id.rsplit('.').next().unwrap_or(id));
                match piece.and_then(|id| pieces.get(id)).filter(|_| depth > 0) {
                    Some(piece) => put_in(out, piece, pieces, depth - 1),
                    None => out.push_str(" ${piece} "),
                }
            }
            Part::Close("include") => {}
            Part::Text(text) => out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;")),
            Part::Open { name, attributes, closed } => {
                let _ = write!(out, "<{name}{attributes}{}>", if closed { "/" } else { "" });
            }
            Part::Close(name) => {
                let _ = write!(out, "</{name}>");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_keep_their_lines_and_have_their_pieces() {
        let text = "<?xml version=\"1.0\"?>
<!DOCTYPE mapper PUBLIC \"-//mybatis.org//DTD Mapper 3.0//EN\" \"mybatis-3-mapper.dtd\">
<mapper namespace=\"shop.orders.OrderMapper\">
  <resultMap id=\"order\" type=\"Order\"><id column=\"id\"/></resultMap>
  <sql id=\"which\">where id = #{id} and state &lt;&gt; 'paid'</sql>
  <update id=\"pay\">
    <!-- once -->
    update orders <set>state = \"paid\",</set>
    <include refid=\"which\"/>
  </update>
  <select id=\"find\" resultMap=\"order\"><![CDATA[select * from orders where total < 3]]></select>
</mapper>";
        let java = as_java(text).expect("a mapper");
        let lines: Vec<&str> = java.lines().collect();
        assert!(lines[0].starts_with("package shop.orders; class OrderMapperXml implements OrderMapper {"));
        let pay = "@org.apache.ibatis.annotations.Update(\"<script>update orders <set>state = \\\"paid\\\",</set> \
                   where id = #{id} and state &lt;> 'paid'</script>\") public native Object pay();";
        assert_eq!(lines[5].trim(), pay);
        assert!(lines[10].contains("select * from orders where total &lt; 3"));
    }

    #[test]
    fn other_files_are_no_mappers() {
        assert_eq!(as_java("<project><dependencies/></project>"), None);
        assert_eq!(as_java("<mapper namespace=\"Orders\"><select id=\"all\">select 1</select></mapper>"), None);
        assert!(MyBatis.reads("src/main/resources/mapper/Order.xml") && MyBatis.reads("a/OrderMapper.xml"));
        assert!(!MyBatis.reads("pom.xml") && !MyBatis.reads("src/main/resources/logback.xml"));
    }
}
