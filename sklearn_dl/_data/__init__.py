"""Rows as the user gives them and as the network sees them: checks, DataFrames, statistics, batches.

Knows nothing about networks, encoders or training.
"""

from .batches import Batches, Rows, Share
from .checks import (
    MOST_WEIGHT,
    check_groups,
    check_numbers,
    check_table,
    check_target,
    check_truth,
    check_weight,
    is_plain,
)
from .columns import Columns
from .containers import refuse_mask
from .dataframes import as_dataframe, column, is_dataframe, numbers_of, rows_of
from .instants import Moments, dates_of_text, local, moments_of
from .kinds import (
    NOTHING,
    factorize,
    held_by,
    is_category,
    is_missing,
    kind_of,
    may_hold_text,
    to_numbers,
    type_of_levels,
)
from .lazy import LazyRows
from .statistics import moments, quantiles, row_blocks, sample_rows, sparse_sizes
from .table import LARGE, Table, hold_out, scaled_alpha, weight_exponent
from .target import target_array
from .told import told
from .written import date_format, date_reader

__all__ = [
    "LARGE",
    "MOST_WEIGHT",
    "NOTHING",
    "Batches",
    "Columns",
    "LazyRows",
    "Moments",
    "Rows",
    "Share",
    "Table",
    "as_dataframe",
    "check_groups",
    "check_numbers",
    "check_table",
    "check_target",
    "check_truth",
    "check_weight",
    "column",
    "date_format",
    "date_reader",
    "dates_of_text",
    "factorize",
    "held_by",
    "hold_out",
    "is_category",
    "is_dataframe",
    "is_missing",
    "is_plain",
    "kind_of",
    "local",
    "may_hold_text",
    "moments",
    "moments_of",
    "numbers_of",
    "quantiles",
    "refuse_mask",
    "row_blocks",
    "rows_of",
    "sample_rows",
    "scaled_alpha",
    "sparse_sizes",
    "target_array",
    "to_numbers",
    "told",
    "type_of_levels",
    "weight_exponent",
]
