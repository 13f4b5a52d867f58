//! Where an attribute of an operation comes from, as models write it (docs/models.md has the table).

/// One source; a list of them is tried in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `=text`
    Constant(String),
    /// `0`, `0.headers.x`
    Position(usize, Vec<String>),
    /// `timeout`, `options.timeout`: a keyword argument or an entry of an options object in any position.
    Named(String, Vec<String>),
    Receiver,
    /// `receiver.class`
    ReceiverClass,
    /// `receiver.name`: what the receiver is called, if it is called like a class.
    ReceiverName,
    /// `receiver.new`: that the receiver is an object that was made where it is used, with no id of its own.
    ReceiverNew,
    Result,
    /// The class of the project that the value given is an instance of.
    ResultClass,
    /// `chain(query).0`: a source at the call `query` (`*`: any; with dots: of this qualified name) earlier in the same chain.
    Chain(String, Box<Source>),
    /// `rest(1)`: argument 1 and all that follow it: keys of which an operation takes as many as it is given.
    Rest(usize),
    /// `path(-2)`: a segment of the qualified name, from its end.
    PathSegment(usize),
    /// `path(before table)`: the segment of the qualified name before the one called `table`.
    PathBefore(String),
    /// `type(0)`
    TypeOf(usize),
    /// `argument(0)`
    ArgumentName(usize),
    /// What the receiver is a member of, at whatever depth.
    ReceiverRoot,
    /// Whether the function that an argument is makes one of these calls with what it is given.
    Resends(usize, Vec<String>),
    /// What the annotated function is called, with a hole for what it is given: `order:{}`.
    Decorated,
    /// An argument, if it is the only one and a member of a class.
    Column(usize),
    /// `argument(0 before table)`: likewise, of the qualified name of argument 0.
    ArgumentBefore(usize, String),
    /// `maker(0).chain(timeout).0`: a source at the call that made argument 0, or what a function given there gives.
    Maker(usize, Box<Source>),
    /// `any(NX)`
    Any(String),
    /// `after(PX)`
    After(String),
    /// `deadline(0)`: the time after which what argument 0 carries ends.
    Deadline(usize),
    /// `timer(0)`: the time after which a timer in the list that argument 0 is goes off.
    Timer(usize),
    /// `span(0, 1)`: argument 0, counted in the unit of time that argument 1 names.
    Span(usize, usize),
    /// `outer(feign.FeignClient).name`: a source at the annotation of this qualified name on the class that the annotated
    /// function is a member of; without one: whether it is there.
    Outer(String, Option<Box<Source>>),
    /// `outer.class`: the class that the annotated function is a member of.
    OuterClass,
    /// At the annotation of this name on the method that the operation's own annotation stands on.
    Beside(String, Option<Box<Source>>),
    /// `made(take)`: argument 0 is built through a call of this name.
    MadeBy(String),
    /// `of(org.springframework.data.domain.Pageable)`: an argument of this qualified type, in whichever position.
    OfType(String),
    /// `function(1)`: argument 1, if it is a function.
    Function(usize),
    /// `annotated(1 flask.no_auth)`: that the function which argument 1 is carries an annotation of this qualified name.
    Annotated(usize, String),
    /// `statement(0)`: argument 0, if it is a whole statement in SQL.
    Statement(usize),
    /// `tree(lapin.Channel.confirm_select)`: there if some call of this qualified name is anywhere in the tree.
    Tree(String),
    /// `said(org.acme.Factory.setMode).0`: a source at the calls of this qualified name, wherever in the tree, if all say the same.
    Said(String, Box<Source>),
    /// `tree("mail.*timeout")`: there if some string so written, a `*` in it for anything, is anywhere in the tree.
    TreeText(String, String),
    /// `passed(getSignedUrl)`: what is given is an argument of a call of this name; `passed(send).result`: what that gives.
    PassedTo(String, bool),
    /// `option(Attempts)`: argument 0 of a call of this name that stands among the arguments, or among those of one that does;
    /// `option(Attempts.1)`: argument 1; `option(Forever.result)`: that it stands there.
    Option(String, Box<Source>),
    /// `2.ex s`: a number of seconds, each so many milliseconds.
    Counted(Box<Source>, u32),
    /// `exported(maxDuration)`, `exported(config).maxDuration`: what the file that the operation is in exports under this name.
    Exported(String, Vec<String>),
    /// `manifest(vercel.json functions maxDuration)`: of the manifest of this name that lies nearest above the file, the entry
    /// under the first key whose own key is a glob for the file, at the last key.
    Manifest {
        name: String,
        section: String,
        entry: String,
    },
    /// `setting(task_acks_late)`: the constant that the project gives under this name, wherever it does: as a keyword, a field,
    /// an entry or a variable of a module.
    Setting(String),
    /// `answers(db_for_read)`: the name of a replica, if every method of the project so called answers with one.
    Answers(String),
    /// `by(get_queryset).chain(using).0`: a source at what made the value that this method gives of the project's own class
    /// whose object the chain begins with.
    By(String, Box<Source>),
    /// `entry(replication.slaves)`: what stands under these names in an object, wherever the project says so.
    Entry(String),
    /// `stored(net/http.DefaultClient.Timeout)`: what the project stores into what the library offers under a name.
    Stored(String),
    /// `overrides(timeout)`: that the project's own class of the receiver gives it in a method of the library's that it has
    /// made its own; `overrides(timeout of 1)`: likewise of argument 1.
    Overrides(String, Option<usize>),
}

/// A condition of `when`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Present(Vec<Source>),
    Absent(Vec<Source>),
    Equals(Vec<Source>, String),
    NotEquals(Vec<Source>, String),
}

impl Source {
    /// The alternatives of `0|url`.
    pub fn parse_all(text: &str) -> Result<Vec<Source>, String> {
        if let Some(constant) = text.strip_prefix('=') {
            return Ok(vec![Source::Constant(constant.to_owned())]);
        }
        let mut sources = Vec::new();
        let (mut depth, mut start) = (0usize, 0);
        for (at, c) in text.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                '|' if depth == 0 => {
                    sources.push(Source::parse(text[start..at].trim())?);
                    start = at + 1;
                }
                _ => {}
            }
        }
        sources.push(Source::parse(text[start..].trim())?);
        Ok(sources)
    }

    fn parse(text: &str) -> Result<Source, String> {
        if let Some(constant) = text.strip_prefix('=') {
            return Ok(Source::Constant(constant.to_owned()));
        }
        if let Some((source, unit)) = text.rsplit_once(' ')
            && let Some(millis) = millis_of(unit)
        {
            return Ok(Source::Counted(Box::new(Source::parse(source)?), millis));
        }
        if let Some((name, argument, rest)) = function(text) {
            let number = || {
                argument
                    .trim_start_matches('-')
                    .parse::<usize>()
                    .map_err(|_| format!("`{argument}` in `{text}` is no number"))
            };
            return match name {
                "chain" => {
                    let inner = rest
                        .strip_prefix('.')
                        .ok_or_else(|| format!("`{text}` lacks what is taken of the call, as in `chain(query).0`"))?;
                    Ok(Source::Chain(argument.to_owned(), Box::new(Source::parse(inner)?)))
                }
                "path" => Ok(match argument.strip_prefix("before ") {
                    Some(segment) => Source::PathBefore(segment.to_owned()),
                    None => Source::PathSegment(number()?),
                }),
                "type" => Ok(Source::TypeOf(number()?)),
                "argument" => Ok(match argument.split_once(" before ") {
                    Some((position, segment)) => Source::ArgumentBefore(
                        position.parse().map_err(|_| format!("`{position}` in `{text}` is no number"))?,
                        segment.to_owned(),
                    ),
                    None => Source::ArgumentName(number()?),
                }),
                "resends" => {
                    let mut parts = argument.split_whitespace();
                    let position = parts.next().unwrap_or_default();
                    let position = position.parse().map_err(|_| format!("`{position}` in `{text}` is no number"))?;
                    Ok(Source::Resends(position, parts.map(str::to_owned).collect()))
                }
                "column" => Ok(Source::Column(number()?)),
                "rest" => Ok(Source::Rest(number()?)),
                "deadline" => Ok(Source::Deadline(number()?)),
                "timer" => Ok(Source::Timer(number()?)),
                "maker" => {
                    let inner = rest.strip_prefix('.').ok_or_else(|| {
                        format!("`{text}` lacks what is taken of the call, as in `maker(0).chain(timeout).0`")
                    })?;
                    Ok(Source::Maker(number()?, Box::new(Source::parse(inner)?)))
                }
                "span" => {
                    let (count, unit) = argument
                        .split_once(',')
                        .ok_or_else(|| format!("`{text}` lacks the unit, as in `span(0, 1)`"))?;
                    let position = |part: &str| {
                        part.trim().parse::<usize>().map_err(|_| format!("`{}` in `{text}` is no number", part.trim()))
                    };
                    Ok(Source::Span(position(count)?, position(unit)?))
                }
                "outer" => {
                    let inner = rest.strip_prefix('.').map(Source::parse).transpose()?;
                    Ok(Source::Outer(argument.to_owned(), inner.map(Box::new)))
                }
                "beside" => {
                    let inner = rest.strip_prefix('.').map(Source::parse).transpose()?;
                    Ok(Source::Beside(argument.to_owned(), inner.map(Box::new)))
                }
                "any" => Ok(Source::Any(argument.to_owned())),
                "after" => Ok(Source::After(argument.to_owned())),
                "of" => Ok(Source::OfType(argument.to_owned())),
                "stored" => Ok(Source::Stored(argument.to_owned())),
                "made" => Ok(Source::MadeBy(argument.to_owned())),
                "function" => Ok(Source::Function(number()?)),
                "annotated" => {
                    let (position, annotation) = argument
                        .split_once(' ')
                        .ok_or_else(|| format!("`{text}` lacks the annotation, as in `annotated(1 flask.no_auth)`"))?;
                    let position = position.parse().map_err(|_| format!("`{position}` in `{text}` is no number"))?;
                    Ok(Source::Annotated(position, annotation.trim().to_owned()))
                }
                "statement" => Ok(Source::Statement(number()?)),
                "tree" => Ok(match argument.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                    Some(written) => {
                        let (start, end) = written.split_once('*').unwrap_or((written, ""));
                        Source::TreeText(start.to_owned(), end.to_owned())
                    }
                    None => Source::Tree(argument.to_owned()),
                }),
                "said" => {
                    let inner =
                        rest.strip_prefix('.').ok_or_else(|| format!("`{text}` lacks what is taken of the calls"))?;
                    Ok(Source::Said(argument.to_owned(), Box::new(Source::parse(inner)?)))
                }
                "passed" => Ok(Source::PassedTo(argument.to_owned(), rest == ".result")),
                "option" => {
                    let (name, inner) = argument.split_once('.').unwrap_or((argument, "0"));
                    Ok(Source::Option(name.to_owned(), Box::new(Source::parse(inner)?)))
                }
                "setting" => Ok(Source::Setting(argument.to_owned())),
                "answers" => Ok(Source::Answers(argument.to_owned())),
                "by" => {
                    let inner = rest.strip_prefix('.').ok_or_else(|| format!("`{text}` names no source"))?;
                    Ok(Source::By(argument.to_owned(), Box::new(Source::parse(inner)?)))
                }
                "entry" => Ok(Source::Entry(argument.to_owned())),
                "overrides" => Ok(match argument.split_once(" of ") {
                    Some((attribute, position)) => Source::Overrides(
                        attribute.to_owned(),
                        Some(position.parse().map_err(|_| format!("`{position}` in `{text}` is no number"))?),
                    ),
                    None => Source::Overrides(argument.to_owned(), None),
                }),
                "exported" => {
                    let path = rest.strip_prefix('.').into_iter().flat_map(|rest| rest.split('.'));
                    Ok(Source::Exported(argument.to_owned(), path.map(str::to_owned).collect()))
                }
                "manifest" => match argument.split_whitespace().collect::<Vec<_>>()[..] {
                    [name, section, entry] => Ok(Source::Manifest {
                        name: name.to_owned(),
                        section: section.to_owned(),
                        entry: entry.to_owned(),
                    }),
                    _ => Err(format!(
                        "`{text}` is not a manifest's name, a section and an entry, as in `manifest(vercel.json functions maxDuration)`"
                    )),
                },
                _ => Err(format!(
                    "`{name}(…)` is no source; known are chain, path, type, argument, column, resends, deadline, timer, maker, any, after, span, outer, of, made, function, annotated, statement, tree, passed, option, exported, manifest, setting, answers, entry, overrides"
                )),
            };
        }
        match text {
            "receiver" => return Ok(Source::Receiver),
            "receiver.root" => return Ok(Source::ReceiverRoot),
            "receiver.class" => return Ok(Source::ReceiverClass),
            "receiver.name" => return Ok(Source::ReceiverName),
            "decorated" => return Ok(Source::Decorated),
            "outer.class" => return Ok(Source::OuterClass),
            "receiver.new" => return Ok(Source::ReceiverNew),
            "result" => return Ok(Source::Result),
            "result.class" => return Ok(Source::ResultClass),
            "" => return Err("an empty source".to_owned()),
            _ => {}
        }
        let mut segments = text.split('.').map(str::to_owned);
        let first = segments.next().unwrap_or_default();
        let rest: Vec<String> = segments.collect();
        Ok(match first.parse::<usize>() {
            Ok(position) => Source::Position(position, rest),
            Err(_) => Source::Named(first, rest),
        })
    }
}

impl Condition {
    pub fn parse(text: &str) -> Result<Condition, String> {
        if let Some((source, value)) = text.split_once("!=") {
            return Ok(Condition::NotEquals(Source::parse_all(source.trim())?, value.trim().to_owned()));
        }
        if let Some((source, value)) = text.split_once("==") {
            return Ok(Condition::Equals(Source::parse_all(source.trim())?, value.trim().to_owned()));
        }
        match text.strip_prefix('!') {
            Some(source) => Ok(Condition::Absent(Source::parse_all(source.trim())?)),
            None => Ok(Condition::Present(Source::parse_all(text.trim())?)),
        }
    }
}

/// The milliseconds of a unit of time as models write it.
fn millis_of(unit: &str) -> Option<u32> {
    match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "min" => Some(60_000),
        _ => None,
    }
}

/// `name(argument)rest`
fn function(text: &str) -> Option<(&str, &str, &str)> {
    let (name, tail) = text.split_once('(')?;
    let (argument, rest) = tail.split_once(')')?;
    name.bytes().all(|byte| byte.is_ascii_lowercase()).then_some((name, argument.trim(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_the_table() {
        assert_eq!(
            Source::parse_all("0|url").ok(),
            Some(vec![Source::Position(0, vec![]), Source::Named("url".to_owned(), vec![])])
        );
        assert_eq!(
            Source::parse_all("chain(query).0").ok(),
            Some(vec![Source::Chain("query".to_owned(), Box::new(Source::Position(0, vec![])))])
        );
        assert_eq!(Source::parse_all("path(-2)").ok(), Some(vec![Source::PathSegment(2)]));
        assert_eq!(
            Source::parse_all("option(Attempts)").ok(),
            Some(vec![Source::Option("Attempts".to_owned(), Box::new(Source::Position(0, vec![])))])
        );
        assert!(Source::parse_all("chain(query)").is_err());
        assert_eq!(
            Source::parse_all("maker(1).0").ok(),
            Some(vec![Source::Maker(1, Box::new(Source::Position(0, vec![])))])
        );
        assert_eq!(Condition::parse("!nx").ok(), Some(Condition::Absent(vec![Source::Named("nx".to_owned(), vec![])])));
    }
}
