use distsys_facts::{CallKind, FactBase, FunctionFlags, ParameterKind, RegionKind, Role};

use super::Go;
use crate::front_end::FrontEnd;

fn lower(text: &str) -> FactBase {
    let facts = Go.lower("shop/a.go", text, Role::Source);
    let problems: Vec<&str> = facts.relations.diagnostic.iter().map(|row| facts.text(row.message)).collect();
    assert!(problems.is_empty(), "{problems:?}");
    facts
}

fn of_body(body: &str) -> FactBase {
    lower(&format!("package a\nimport \"fmt\"\nfunc f() error {{\n{body}\n}}\n"))
}

/// `.name` for members, `name` for plain calls, in order.
fn calls(body: &str) -> Vec<String> {
    let facts = of_body(body);
    let r = &facts.relations;
    r.call
        .iter()
        .map(|call| format!("{}{}", if call.receiver.is_some() { "." } else { "" }, facts.text(call.name)))
        .collect()
}

#[test]
fn calls_in_evaluation_order() {
    assert_eq!(calls("a(b(1), c.d(2))"), ["b", ".d", "a"]);
    assert_eq!(calls("x.y.z().w()"), [".z", ".w"]);
    assert_eq!(calls("string(a())"), ["a"]);
    assert_eq!(calls("g[int](a())"), ["a", "g"]);
    assert_eq!(calls("if a() && b() { c() } else { d() }"), ["a", "b", "c", "d"]);
}

#[test]
fn deferred_calls_come_last_and_in_reverse() {
    assert_eq!(calls("defer a(b())\ndefer c()\nd()\nreturn nil"), ["b", "d", "c", "a"]);
    let facts = of_body("defer a()\nb()\nreturn nil");
    let region_of = |name: &str| {
        let call = facts.relations.call.iter().find(|call| facts.text(call.name) == name).expect("it is called");
        let site = facts.relations.site.iter().find(|site| site.site == call.site).expect("it has a site");
        facts.relations.region.iter().find(|region| region.region == site.region).expect("it has a region").kind
    };
    assert_eq!((region_of("a"), region_of("b")), (RegionKind::Finally, RegionKind::Try));
}

#[test]
fn goroutines_and_channels_are_calls() {
    assert_eq!(
        calls("ch := make(chan int, 4)\ngo work(ch)\nch <- 1\nx := <-ch"),
        ["chan", "work", "go", ".send", ".receive"]
    );
    assert_eq!(calls("slots <- struct{}{}"), [".permit"]);
    assert_eq!(
        calls("select {\ncase x := <-a:\n use(x)\ncase b <- 1:\ndefault:\n idle()\n}"),
        [".receive", "use", ".send", "idle"]
    );
}

#[test]
fn errors_are_asked_for_and_thrown() {
    let facts = of_body("x, err := g()\nif err != nil {\n return fmt.Errorf(\"g: %w\", err)\n}\nreturn h(x)");
    let asked: Vec<&str> = facts.relations.binary.iter().map(|row| facts.text(row.operator)).collect();
    assert_eq!(asked, ["is"]);
    assert!(facts.relations.literal.iter().any(|row| facts.text(row.value) == "Err"));
    assert_eq!((facts.relations.throws.len(), facts.relations.returns.len()), (1, 1));
    // The error is the second result, the value the call's.
    let load = facts.relations.load.iter().find(|row| facts.text(row.field) == "1").expect("the error is taken");
    assert_eq!(load.base, facts.relations.call[0].result);
}

#[test]
fn an_error_that_nobody_takes_is_not_looked_at() {
    let facts = of_body("_, _ = g()\nreturn nil");
    assert!(facts.relations.load.is_empty());
}

#[test]
fn an_error_dropped_for_a_reason_is_looked_at() {
    assert_eq!(of_body("// The next run does it again.\n_ = g()\nreturn nil").relations.load.len(), 1);
    assert_eq!(of_body("g() // nolint: errcheck\nreturn nil").relations.load.len(), 1);
    assert!(of_body("_ = g() // why\nreturn nil").relations.load.is_empty());
}

#[test]
fn a_variable_assigned_again_goes_on_as_another() {
    let facts = of_body("a, err := g()\nb, err := h()\nuse(a, b, err)\nreturn nil");
    let errors: Vec<_> = facts.relations.variable.iter().filter(|row| facts.text(row.name) == "err").collect();
    assert_eq!(errors.len(), 2);
    let used = facts.relations.argument.last().expect("the error is passed").var;
    let given = facts.relations.assign.iter().filter(|row| row.dst == used).count();
    assert_eq!((used, given), (errors[1].var, 1));
}

#[test]
fn what_a_closure_has_seen_is_the_same_variable() {
    let facts = of_body("x := g()\ndefer func() { use(x) }()\nx = h()\nreturn nil");
    let first = facts.relations.variable.iter().find(|row| facts.text(row.name) == "x").expect("declared").var;
    assert_eq!(facts.relations.assign.iter().filter(|row| row.dst == first).count(), 2);
}

#[test]
fn blanks_are_filled_by_the_calls_that_get_their_address() {
    let facts = of_body("var total int\nrow.Scan(&total)\nuse(total)\nreturn nil");
    let used = facts.relations.argument.last().expect("it is passed").var;
    let filled = facts.relations.assign.iter().find(|row| row.dst == used).expect("it is filled").src;
    let load = facts.relations.load.iter().find(|row| row.dst == filled).expect("by the call");
    assert_eq!(facts.text(load.field), "[&]");
}

#[test]
fn literals_are_calls_objects_and_arrays() {
    let facts = of_body("g(&http.Client{Timeout: t}, map[string]T{\"k\": {A: 1}}, []int{1, 2})\nreturn nil");
    let new: Vec<&str> = facts
        .relations
        .call
        .iter()
        .filter(|call| call.kind == CallKind::New)
        .map(|call| facts.text(call.name))
        .collect();
    assert_eq!(new, ["Client", "T"]);
    assert!(facts.relations.argument.iter().any(|row| facts.text(row.keyword) == "Timeout"));
    assert_eq!(facts.text(facts.relations.entry[0].key), "k");
    assert_eq!(facts.relations.element.len(), 2);
}

#[test]
fn formats_and_sums_of_text_are_templates() {
    let facts = of_body("g(fmt.Sprintf(\"user:%d:%+v%%\", id, x), \"a\" + b + \"c\")\nreturn nil");
    let texts: Vec<&str> = facts.relations.template.iter().map(|row| facts.text(row.text)).collect();
    assert_eq!(texts, ["user:{}:{}%", "a{}c"]);
}

#[test]
fn sql_is_read_in_raw_strings() {
    let facts = of_body("db.Exec(`UPDATE orders SET a = 1 WHERE id = $1`, id)\nreturn nil");
    assert_eq!(facts.text(facts.relations.sql[0].table), "orders");
}

#[test]
fn types_are_spelled_in_one_way() {
    let facts = lower(
        "package a\nfunc f[R Repo](a *sql.DB, b []Order, c map[string]*Order, d <-chan Job, e R, g int, h ...Option) (*Order, error) { return nil, nil }",
    );
    let types: Vec<&str> = facts.relations.parameter.iter().map(|row| facts.text(row.type_)).collect();
    assert_eq!(types, ["sql.DB", "Array<Order>", "Map<string,Order>", "chan<Job>", "Repo", "", "Array<Option>"]);
    assert_eq!(facts.text(facts.relations.return_type[0].type_), "Result<Order,error>");
    assert_eq!(facts.relations.parameter[6].kind, ParameterKind::Rest);
}

#[test]
fn types_have_methods_fields_and_what_they_embed() {
    let facts = lower(
        "package a\ntype S struct { *Base; sync.Mutex; db *sql.DB `gorm:\"column:x\" json:\"y\"`; Opts struct { N time.Duration } }\nfunc (s *S) M() {}\nfunc (o Other) P() {}\ntype I interface { io.Closer; M(x int) error }\n",
    );
    let r = &facts.relations;
    let bases: Vec<&str> = r.extends.iter().map(|row| facts.text(row.base)).collect();
    assert_eq!(bases, ["Base", "sync.Mutex", "impl.Other", "io.Closer"]);
    let methods: Vec<&str> = r.method.iter().map(|row| facts.text(row.name)).collect();
    assert_eq!(methods, ["M", "P", "M"]);
    assert!(r.function.iter().any(|row| row.flags.has(FunctionFlags::ABSTRACT)));
    assert!(r.field.iter().any(|row| facts.text(row.name) == "N" && facts.text(row.type_) == "time.Duration"));
    assert!(r.field.iter().any(|row| facts.text(row.name) == "Opts" && facts.text(row.type_) == "S.Opts"));
    assert_eq!(r.field_annotation.len(), 1);
}

#[test]
fn methods_come_to_their_type_from_other_files() {
    let part = |path: &str, text: &str| Go.lower(path, text, Role::Source);
    let mut facts = FactBase::merge(&[
        part("shop/a.go", "package a\ntype S struct{}\n"),
        part("shop/b.go", "package a\nfunc (s *S) M() {}\n"),
    ]);
    Go.link(&mut facts);
    let r = &facts.relations;
    assert_eq!(r.method[0].class, r.class.iter().find(|row| facts.text(row.name) == "S").expect("the type").class);
    assert!(r.extends.is_empty());
}

#[test]
fn imports_bind_what_packages_are_called() {
    let facts = lower(
        "package a\nimport (\n\"database/sql\"\n\"github.com/redis/go-redis/v9\"\nk \"github.com/segmentio/kafka-go\"\n. \"x.y/dot\"\n_ \"x.y/side\"\n)\nvar c *redis.Client\n",
    );
    let r = &facts.relations;
    let name = |var| r.variable.iter().find(|row| row.var == var).map_or("", |row| facts.text(row.name));
    let rows: Vec<_> = r.import.iter().map(|row| (name(row.var), facts.text(row.target))).collect();
    assert_eq!(
        rows,
        [("k", "github.com/segmentio/kafka-go"), ("sql", "database/sql"), ("redis", "github.com/redis/go-redis/v9")]
    );
    assert_eq!(facts.text(r.import_glob[0].target), "x.y/dot");
}

#[test]
fn a_fault_costs_its_function() {
    let facts = Go.lower("a.go", "package a\nfunc f() { x( }\nfunc g() { h() }\n", Role::Source);
    let names: Vec<&str> = facts.relations.call.iter().map(|call| facts.text(call.name)).collect();
    assert_eq!((names, facts.relations.diagnostic.len()), (vec!["h"], 1));
}

#[test]
fn new_of_a_value_is_read() {
    assert_eq!(calls("g(new(time.Now()), new(Order))"), [".Now", "Order", "g"]);
}

#[test]
fn test_code_is_marked() {
    let facts = Go.lower("a_test.go", "package a\nfunc TestA(t *testing.T) {}\nfunc helper() {}\n", Role::Test);
    let flags: Vec<bool> =
        facts.relations.function.iter().skip(1).map(|row| row.flags.has(FunctionFlags::TEST)).collect();
    assert_eq!(flags, [true, false]);
}

const SAMPLE: &str = "package a\nimport (\n\"context\"\n\"fmt\"\n)\ntype S struct { mu sync.Mutex; n map[string][]int }\nfunc (s *S) Do(ctx context.Context, ids ...string) (n int, err error) {\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\nouter:\n\tfor i, id := range ids {\n\t\tswitch v := any(id).(type) {\n\t\tcase string:\n\t\t\tif i > 3 && v != \"\" { continue outer }\n\t\tdefault:\n\t\t\tbreak outer\n\t\t}\n\t\tselect {\n\t\tcase <-ctx.Done():\n\t\t\treturn 0, ctx.Err()\n\t\tcase s.ch <- id:\n\t\t}\n\t\tgo func(x string) { s.n[x] = append(s.n[x], len(x)) }(id)\n\t}\n\tif err = s.run(ctx); err != nil { return n, fmt.Errorf(\"run %d: %w\", n, err) }\n\treturn\n}\n";

#[test]
fn the_same_text_gives_the_same_facts() {
    let debug = |facts: &FactBase| format!("{:?}", facts.relations);
    assert_eq!(debug(&lower(SAMPLE)), debug(&lower(SAMPLE)));
}

#[test]
fn damaged_text_does_no_harm() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..400 {
        let mut bytes = SAMPLE.as_bytes().to_vec();
        for _ in 0..1 + random(6) {
            let at = random(bytes.len());
            match random(4) {
                0 => drop(bytes.drain(at..bytes.len().min(at + 1 + random(30)))),
                1 => bytes[at] = b"(){}[]<-:=\"`.,;*&"[random(17)],
                2 => bytes.insert(at, b"({[\"`"[random(5)]),
                _ => {
                    let piece: Vec<u8> = bytes[at..bytes.len().min(at + 20)].to_vec();
                    bytes.extend(piece);
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut facts = FactBase::merge(&[Go.lower("a.go", &text, Role::Source)]);
        Go.link(&mut facts);
    }
}

#[test]
fn deep_text_is_given_up() {
    let text = format!("package a\nfunc f() {{ x = {}1{} }}\n", "-(".repeat(20_000), ")".repeat(20_000));
    let worker = std::thread::Builder::new().stack_size(256 << 20);
    let facts =
        worker.spawn(move || Go.lower("a.go", &text, Role::Source)).expect("a thread").join().expect("no panic");
    assert_eq!(facts.relations.diagnostic.len(), 1);
}

#[test]
fn times_are_compared_by_methods() {
    let operators = |body: &str| -> Vec<String> {
        let facts = of_body(body);
        facts.relations.binary.iter().map(|row| facts.text(row.operator).to_owned()).collect()
    };
    assert_eq!(operators("use(a.at.After(b.at), a.at.Before(b.at))\nreturn nil"), [">", "<"]);
    // A function of the package, and one that gets more.
    assert!(operators("use(fmt.After(d), a.After(b, c))\nreturn nil").is_empty());
}

#[test]
fn an_element_is_called_and_a_function_is_instantiated() {
    let callees = |body: &str| -> Vec<String> {
        let facts = of_body(body);
        facts.relations.call.iter().map(|row| facts.text(row.name).to_owned()).collect()
    };
    // The name of an element is not known.
    assert_eq!(callees("for i := range around {\n\ttake = around[i](take)\n}\nreturn nil"), [""]);
    assert_eq!(callees("use(Parse[Order](text))\nreturn nil"), ["Parse", "use"]);
}
