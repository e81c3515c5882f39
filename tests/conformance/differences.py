"""Where flow differs from the conformance cases on purpose, each with its reason.

A case that is listed here must differ, so that the list stays true."""

from __future__ import annotations

BOOLS = "bools have no order in flow: false is not less than true, it is its opposite"
ABSORBED = "operators run from left to right and an error is an error; CEL lets the other operand absorb it"
NOT_FINITE = "floats are finite in flow; dividing by zero fails, here already when it is compiled"
UNDECLARED = "a name that is not declared is found when the flow is checked, so nothing is left to absorb"
LITERALS = "two different string literals are never equal, and the checker says so"
NO_BOOL = "strings are not read as bools: a flow says which texts it means"
ZONES = "there are no time zones: a plan must not change its meaning with a data base of the host"
TEXT = "a duration reads as it is written in a flow: 1h45m47s"
NULLS = "null joins any type: a list of ints and nulls is a list<int?>"
NO_KEY = "a key that a map does not have gives null, and the type says so"
MICROSECONDS = "time is counted in microseconds"
RANGE = "any two datetimes have a difference; CEL's is bounded"
WIDENING = "int widens to float inside of a list, as it does wherever a list<float> is asked for"

DIFFERENCES = {
    "basic/variables/unbound_is_runtime_error": UNDECLARED,
    "comparisons/eq_literal/not_eq_double_nan": NOT_FINITE,
    "comparisons/ne_literal/not_ne_double_nan": NOT_FINITE,
    "fp_math/fp_math/divide_zero": NOT_FINITE,
    "comparisons/eq_literal/not_eq_string_case": LITERALS,
    "comparisons/eq_literal/not_eq_string_unicode_ascii": LITERALS,
    "comparisons/eq_literal/not_eq_list_null": NULLS,
    "comparisons/eq_literal/not_eq_list_elem_null": NULLS,
    "comparisons/eq_literal/not_eq_map_value_null": NULLS,
    "comparisons/eq_literal/eq_list_elem_mixed_types": WIDENING,
    "comparisons/lt_literal/lt_bool_false_first": BOOLS,
    "comparisons/lt_literal/not_lt_bool_same": BOOLS,
    "comparisons/lt_literal/not_lt_bool_true_first": BOOLS,
    "comparisons/gt_literal/not_gt_bool_false_true": BOOLS,
    "comparisons/gt_literal/not_gt_bool_same": BOOLS,
    "comparisons/lte_literal/lte_bool_false_true": BOOLS,
    "comparisons/lte_literal/lte_bool_true_false": BOOLS,
    "comparisons/gte_literal/gte_bool_gt": BOOLS,
    "comparisons/gte_literal/gte_bool_eq": BOOLS,
    "comparisons/gte_literal/not_gte_bool_lt": BOOLS,
    "comparisons/bound/bool_lt_right_true": BOOLS,
    "conversions/bool/string_t": NO_BOOL,
    "conversions/bool/string_true_lowercase": NO_BOOL,
    "conversions/bool/string_f": NO_BOOL,
    "conversions/bool/string_false_lowercase": NO_BOOL,
    "conversions/bool/string_false_pascalcase": NO_BOOL,
    "fields/map_fields/map_field_select_no_such_key": NO_KEY,
    "fp_math/fp_math/mod_not_support": "% works on floats too",
    "logic/AND/short_circuit_error_right": ABSORBED,
    "macros/all/list_elem_error_shortcircuit": ABSORBED,
    "string_ext/format/duration support for string": TEXT,
    "timestamps/duration_conversions/toString_duration": TEXT,
    "timestamps/timestamp_selectors_tz/getDate": ZONES,
    "timestamps/timestamp_selectors_tz/getDayOfMonth_numerical_neg": ZONES,
    "timestamps/timestamp_selectors_tz/getDayOfMonth_name_neg": ZONES,
    "timestamps/timestamp_selectors_tz/getHours": ZONES,
    "timestamps/timestamp_selectors_tz/getMinutes": ZONES,
    "timestamps/timestamp_selectors_tz/getSeconds": ZONES,
    "timestamps/timestamp_arithmetic/add_time_to_duration_nanos_positive": MICROSECONDS,
    "timestamps/timestamp_range/sub_time_duration_over": RANGE,
}
