//! The macro that turns the schema into Rust: a row type a relation, one struct that holds them all, and the
//! descriptions that exports, bundles, queries and the reference are made from.

use crate::column::{ColumnSpec, Relocation};

/// A row of a relation, all of whose columns are `u32` wide.
pub trait Row: Copy + Ord {
    const SPEC: &'static RelationSpec;
    /// Appends the row's columns.
    fn encode(&self, out: &mut Vec<u32>);
    /// `None` if the numbers are no row of this relation, which only a damaged bundle has.
    fn decode(raw: &[u32]) -> Option<Self>;
    fn relocate(&mut self, relocation: &Relocation<'_>);
}

/// What is to be known of a relation without its rows.
#[derive(Debug, PartialEq, Eq)]
pub struct RelationSpec {
    pub name: &'static str,
    /// One sentence that restates the arguments.
    pub doc: &'static str,
    pub columns: &'static [ColumnSpec],
}

/// Sees every relation of a [`Relations`](crate::schema::Relations) in the order of the schema.
pub trait RelationVisitor {
    type Error;
    fn relation<R: Row>(&mut self, rows: &[R]) -> Result<(), Self::Error>;
}

/// Fills every relation in the order of the schema.
pub trait RelationSource {
    type Error;
    fn relation<R: Row>(&mut self) -> Result<Vec<R>, Self::Error>;
}

macro_rules! relations {
    ($($(#[doc = $doc:literal])* $field:ident : $row:ident { $($(#[doc = $cdoc:literal])* $column:ident : $type:ty),* $(,)? })*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $row { $($(#[doc = $cdoc])* pub $column: $type,)* }

            impl $crate::relation::Row for $row {
                const SPEC: &'static $crate::relation::RelationSpec = &$crate::relation::RelationSpec {
                    name: stringify!($field),
                    doc: concat!($($doc,)*),
                    columns: &[$($crate::column::ColumnSpec {
                        name: stringify!($column),
                        column_type: <$type as $crate::column::Column>::TYPE,
                    },)*],
                };

                fn encode(&self, out: &mut Vec<u32>) {
                    $(out.push($crate::column::Column::encode(self.$column));)*
                }

                fn decode(raw: &[u32]) -> Option<Self> {
                    let mut columns = raw.iter().copied();
                    Some($row { $($column: <$type as $crate::column::Column>::decode(columns.next()?)?,)* })
                }

                fn relocate(&mut self, relocation: &$crate::column::Relocation<'_>) {
                    $($crate::column::Column::relocate(&mut self.$column, relocation);)*
                }
            }
        )*

        /// Every relation, as a vector of rows.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Relations { $($(#[doc = $doc])* pub $field: Vec<$row>,)* }

        /// The description of every relation, in the order of the schema.
        pub const SPECS: &[&$crate::relation::RelationSpec] = &[$(<$row as $crate::relation::Row>::SPEC,)*];

        impl Relations {
            /// Shows every relation to `visitor`, in the order of the schema.
            pub fn visit<V: $crate::relation::RelationVisitor>(&self, visitor: &mut V) -> Result<(), V::Error> {
                $(visitor.relation(&self.$field)?;)*
                Ok(())
            }

            /// Takes every relation from `source`, in the order of the schema.
            pub fn read<S: $crate::relation::RelationSource>(source: &mut S) -> Result<Self, S::Error> {
                Ok(Relations { $($field: source.relation()?,)* })
            }

            /// Appends the rows of all `parts`, each moved by its relocation; relations are filled side by side.
            pub fn append_all(&mut self, parts: &[(&Relations, $crate::column::Relocation<'_>)]) {
                use rayon::prelude::*;
                let jobs: Vec<Box<dyn FnOnce() + Send + '_>> = vec![$({
                    let target = &mut self.$field;
                    Box::new(move || $crate::relation::append(target, parts.iter().map(|(part, relocation)| (&part.$field[..], relocation))))
                },)*];
                jobs.into_par_iter().for_each(|job| job());
            }

            /// Rows by relation name.
            pub fn counts(&self) -> Vec<(&'static str, usize)> {
                vec![$((stringify!($field), self.$field.len()),)*]
            }
        }
    };
}
pub(crate) use relations;

pub(crate) fn append<'a, R: Row + 'a>(
    target: &mut Vec<R>,
    parts: impl Iterator<Item = (&'a [R], &'a Relocation<'a>)> + Clone,
) {
    target.reserve(parts.clone().map(|(rows, _)| rows.len()).sum());
    for (rows, relocation) in parts {
        target.extend(rows.iter().map(|row| {
            let mut row = *row;
            row.relocate(relocation);
            row
        }));
    }
}
