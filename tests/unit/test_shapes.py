"""Expressions that are made wrongly are found, each by its lint; well-known healthy ones are left alone."""

from __future__ import annotations

import pytest

from selfcheck import promql
from selfcheck.knowledge import Knowledge
from selfcheck.shapes import Lint, lint
from selfcheck.templates import lint_templates
from selfcheck.vanishing import Watched, silent, vanishing
from tests.unit.knowing import knowledge

KNOWN = knowledge()

HEALTHY = [
    # Machines
    '100 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])) * 100 > 80',
    '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])) > 0.9',
    "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes * 100 < 10",
    (
        "(node_filesystem_avail_bytes * 100) / node_filesystem_size_bytes < 10 and ON (instance, device, mountpoint) "
        "node_filesystem_readonly == 0"
    ),
    'predict_linear(node_filesystem_avail_bytes{fstype!~"tmpfs"}[1h], 4 * 3600) < 0',
    "rate(node_network_receive_errs_total[2m]) / rate(node_network_receive_packets_total[2m]) > 0.01",
    "node_timex_offset_seconds > 0.05 and deriv(node_timex_offset_seconds[5m]) >= 0",
    "sum by (instance) (rate(node_vmstat_pgmajfault[1m])) > 1000",
    'count without (cpu, mode) (node_cpu_seconds_total{mode="idle"}) < 2',
    "time() - node_boot_time_seconds > 86400 * 90",
    '(node_md_disks_required - ignoring (state) node_md_disks{state="active"}) > 0',
    'sum by (cluster, instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))',
    "instance:node_num_cpu:sum * 2 < node_load15",
    # Kubernetes
    "increase(kube_pod_container_status_restarts_total[1h]) > 5",
    (
        'sum by (namespace, pod) (max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Unknown"}) '
        "* on (namespace, pod) group_left (owner_kind) topk by (namespace, pod) (1, "
        'max by (namespace, pod, owner_kind) (kube_pod_owner{owner_kind!="Job"}))) > 0'
    ),
    (
        "kube_deployment_spec_replicas != kube_deployment_status_replicas_available and "
        "changes(kube_deployment_status_replicas_updated[10m]) == 0"
    ),
    "kube_pod_container_status_restarts_total * on (namespace, pod) group_left (node) kube_pod_info",
    "sum by (node) (kube_pod_info) > 100",
    'max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[5m]) >= 1',
    'absent(up{job="kubelet"} == 1)',
    'label_replace(kube_pod_info, "instance", "$1", "node", "(.*)") * on (instance) group_left () node_load1',
    "kube_job_status_failed > 0",
    "100 * sum by (job) (up == 0) / count by (job) (up) > 10",
    # Prometheus and Alertmanager
    "max_over_time(prometheus_config_last_reload_successful[5m]) == 0",
    "rate(prometheus_notifications_errors_total[5m]) / rate(prometheus_notifications_sent_total[5m]) * 100 > 1",
    "prometheus_notifications_queue_length > 0.9 * prometheus_notifications_queue_capacity",
    (
        "predict_linear(prometheus_notifications_queue_length[5m], 60 * 30) > "
        "min_over_time(prometheus_notifications_queue_capacity[5m])"
    ),
    "(prometheus_rule_group_last_duration_seconds > prometheus_rule_group_interval_seconds)",
    "count by (job) (changes(process_start_time_seconds[10m]) > 4)",
    'count_values("config_hash", alertmanager_config_hash) != 1',
    'ALERTS{alertstate="firing"} == 1',
    "vector(1)",
    # Redis
    "redis_up == 0",
    "redis_memory_used_bytes / redis_memory_max_bytes * 100 > 90 and redis_memory_max_bytes > 0",
    "rate(redis_commands_processed_total[1m]) > 1000",
    "redis_mem_fragmentation_ratio > 1.5",
    "delta(redis_connected_slaves[1m]) < 0",
    "(redis_rejected_connections_total - redis_rejected_connections_total offset 5m) > 0",
    # Quantiles
    "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 1",
    "histogram_quantile(0.9, sum without (instance) (rate(http_request_duration_seconds_bucket[5m])))",
    "histogram_quantile(0.5, rate(http_request_duration_seconds_bucket[10m])) > 0.5",
    "histogram_quantile(0.9, sum by (job) (rate(native_latency_seconds[5m])))",
    "histogram_quantile(0.9, job:http_request_duration_seconds_bucket:rate5m)",
    'sum(rate(http_request_duration_seconds_bucket{le="1"}[5m])) / sum(rate(http_request_duration_seconds_count[5m]))',
    "rate(rpc_duration_seconds_sum[5m]) / rate(rpc_duration_seconds_count[5m]) > 0.5",
    'rpc_duration_seconds{quantile="0.99"} > 1',
    # Shares and burn rates
    'sum(rate(ocr_requests_total{status="error"}[5m])) / sum(rate(ocr_requests_total[5m])) > 0.05',
    "sum by (provider) (rate(ocr_errors_total[5m])) / on (provider) sum by (provider) (rate(ocr_requests_total[5m]))",
    "(platform_error_ratio > 14.4 * (1 - 0.999)) and (app:error_ratio > 14.4 * 0.001)",
    'sum(rate(ocr_requests_total{status="error"}[1h])) / sum(rate(ocr_requests_total[1h])) > (6 * 0.01)',
    "1 - platform_error_ratio < 0.99",
    "100 * platform_error_ratio > 5",
    "100 * (1 - platform_error_ratio) < 99.5",
    "provider_health_score < 50",
    "provider_health_score / 100 < 0.5",
    "error_budget_remaining <= 0",
    "error_budget_remaining < 0.2",
    "platform_error_ratio >= 1",
    "ocr_p95_latency_seconds * 1000 > 2000",
    "avg_over_time(platform_error_ratio[1h]) > 0.05",
    "ocr_model_loaded == 0",
    "min by (provider) (ocr_model_loaded) < 1",
    "sum(rate(ocr_requests_total[5m])) or vector(0)",
    "sum by (provider) (rate(ocr_errors_total[5m])) or 0 * sum by (provider) (rate(ocr_requests_total[5m]))",
    "sum(rate(ocr_requests_total[5m])) * 60 > 100",
    "sum(increase(ocr_requests_total[1h])) > 1000",
    "sum(rate(ocr_requests_total[5m])) > 3 * avg_over_time(sum(rate(ocr_requests_total[5m]))[1d:5m])",
    "sum(rate(ocr_requests_total[5m])) < 0.5 * sum(rate(ocr_requests_total[5m] offset 1w))",
    "max_over_time(sum(rate(ocr_requests_total[5m]))[1h:1m])",
    "app:requests:rate5m > 0 unless on (provider) ocr_model_loaded == 1",
    (
        "sum by (provider, status) (rate(ocr_requests_total[5m])) / on (provider) group_left () "
        "sum by (provider) (rate(ocr_requests_total[5m]))"
    ),
    "sum(app:requests:rate5m) - sum(app:errors:rate5m) > 0",
    "topk(5, sum by (provider, code) (rate(ocr_errors_total[5m])))",
    "rate(ocr_requests_total[5m])",
    "count(up == 1) / count(up) < 0.5",
    "up == 0",
    'up{job="app"} * on (job) group_left () count by (job) (up)',
    "changes(up[10m]) > 3",
    "resets(ocr_requests_total[1h]) > 2",
    "absent_over_time(ocr_requests_total[10m])",
    "sum by (job) (up) == bool 0",
    "time() - push_time_seconds > 3600",
    "sum without (status) (rate(ocr_requests_total[5m])) / ignoring (code) sum without (status) (ocr_requests_total)",
    "rate(ocr_processing_duration_seconds_sum[5m]) / rate(ocr_processing_duration_seconds_count[5m]) > 1",
    "ocr_error_rate_ema > 0.5",
    "vector(scalar(count(up))) < 3",
    "quantile(0.9, ocr_error_rate_ema) > 0.3",
    "group by (provider) (ocr_requests_total) unless group by (provider) (ocr_requests_total offset 1h)",
]


@pytest.mark.parametrize("text", HEALTHY)
def test_a_healthy_expression_is_left_alone(text: str) -> None:
    assert lint(promql.parse(text), KNOWN) == []


WRONG = [
    # Joins
    (
        "sum by (provider) (rate(ocr_errors_total[5m])) / sum(rate(ocr_requests_total[5m]))",
        Lint.JOINS,
        "only the left side has the label provider; on the right side sum(rate(ocr_requests_total[5m])) drops it",
    ),
    ("sum(up) > on (job) redis_up", Lint.JOINS, "sum(up) drops it"),
    ("redis_up and ocr_model_loaded", Lint.JOINS, "the two sides of and never match, so it never has a result"),
    ('up{job="app"} * redis_up', Lint.JOINS, "job is app on the left and redis on the right"),
    ('up{job="app"} unless on (job) redis_up', Lint.JOINS, "so it takes nothing away"),
    ("app:requests:rate5m / on (provider) sum(app:errors:rate5m)", Lint.JOINS, "provider"),
    (
        'ocr_requests_total{status="error"} / ocr_requests_total{status="success"}',
        Lint.JOINS,
        "status is error on the left",
    ),
    # Labels
    (
        "sum by (provider) (sum by (status) (rate(ocr_requests_total[5m])))",
        Lint.LABELS,
        "sum by provider comes too late",
    ),
    ("sum by (providr) (rate(ocr_requests_total[5m]))", Lint.LABELS, "nearest: provider"),
    ("max by (code) (app:requests:total)", None, ""),
    (
        "max by (status) (app:requests:total)",
        Lint.LABELS,
        "sum by (provider) (ocr_requests_total) has dropped the label",
    ),
    ("sum(up) + on (job) sum(redis_up)", Lint.LABELS, "matches on job, which sum(up) has dropped"),
    # Quantiles
    ("histogram_quantile(0.95, sum(rate(ocr_processing_duration_seconds_bucket[5m])))", Lint.QUANTILES, "drops le"),
    (
        "histogram_quantile(0.95, sum by (provider) (rate(ocr_processing_duration_seconds_bucket[5m])))",
        Lint.QUANTILES,
        "drops le",
    ),
    (
        "histogram_quantile(95, sum by (le) (rate(ocr_processing_duration_seconds_bucket[5m])))",
        Lint.QUANTILES,
        "95 is not between 0 and 1",
    ),
    (
        "histogram_quantile(0.95, rate(ocr_processing_duration_seconds_count[5m]))",
        Lint.QUANTILES,
        "ocr_processing_duration_seconds_bucket",
    ),
    (
        (
            "histogram_quantile(0.95, sum by (le) (rate(ocr_processing_duration_seconds_bucket[5m])) "
            "or sum by (le) (rate(http_request_duration_seconds_bucket[5m])))"
        ),
        Lint.QUANTILES,
        "several histograms",
    ),
    (
        'histogram_quantile(0.95, rate(ocr_processing_duration_seconds_bucket{le="2.0"}[5m]))',
        Lint.QUANTILES,
        "only one bucket",
    ),
    ("histogram_quantile(0.95, rate(rewritten_seconds_bucket[5m]))", Lint.QUANTILES, "lost their bounds (le is inf)"),
    (
        'histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket{le!="+Inf"}[5m])))',
        Lint.QUANTILES,
        "have lost their bounds (le is 1, 5)",
    ),
    # Rates
    ("rate(ocr_error_rate_ema[5m]) > 0", Lint.RATES, "is a gauge"),
    ("increase(redis_memory_used_bytes[5m]) > 0", Lint.RATES, "redis_memory_used_bytes is a gauge"),
    ("deriv(ocr_requests_total[5m])", Lint.RATES, "ocr_requests_total is a counter"),
    ("delta(redis_commands_processed_total[5m]) > 1", Lint.RATES, "is a counter"),
    ("rate(app:requests:total[5m])", Lint.RATES, "a sum of counters"),
    ("rate(sum(ocr_requests_total)[5m:1m])", Lint.RATES, "comes after the sum"),
    ("rate(app:requests:rate5m[5m])", Lint.RATES, "it records a rate"),
    # Windows
    ("rate(ocr_requests_total[20s])", Lint.WINDOWS, "rate over 20 s needs 2 sample(s), which come every 15 s"),
    ("avg_over_time(ocr_model_loaded[10s])", Lint.WINDOWS, "needs 1 sample(s)"),
    ("changes(app:error_ratio[30s])", Lint.WINDOWS, "every 30 s"),
    # Units
    ("platform_error_ratio > 5", Lint.UNITS, "platform_error_ratio is a share from 0 to 1, and is compared with 5"),
    ("5 < platform_error_ratio", Lint.UNITS, "compared with 5"),
    ("avg_over_time(platform_error_ratio[10m]) > 5", Lint.UNITS, "a share"),
    (
        'sum(rate(ocr_requests_total{status="error"}[5m])) / sum(rate(ocr_requests_total[5m])) > 5',
        Lint.UNITS,
        "a share",
    ),
    ("provider_health_score < 0.5", Lint.UNITS, "provider_health_score is a percentage from 0 to 100"),
    ("provider_health_score > 0.05", Lint.UNITS, "compared with 0.05"),
    ("100 * (1 - platform_error_ratio) < 0.99", Lint.UNITS, "a percentage"),
    ("ocr_p95_latency_seconds > 2000", Lint.UNITS, "compared with 2000"),
    (
        "histogram_quantile(0.95, sum by (le) (rate(ocr_processing_duration_seconds_bucket[5m]))) > 2000",
        Lint.UNITS,
        "never above 30",
    ),
    ("ocr_model_loaded > 1", Lint.UNITS, "from 0 to 1, never above 1"),
    ("platform_error_ratio > app:error_percent", Lint.UNITS, "the left side of > is a share"),
    ("sum(rate(ocr_requests_total[5m])) > sum(increase(ocr_requests_total[5m]))", Lint.UNITS, "events a second"),
    (
        "sum(rate(ocr_errors_total[5m])) / sum(increase(ocr_requests_total[5m])) > 0.05",
        Lint.UNITS,
        "events in a window",
    ),
    ("error_budget_remaining > 1.5", Lint.UNITS, "a share"),
]


@pytest.mark.parametrize(("text", "expected", "said"), WRONG)
def test_a_wrong_expression_is_found_by_its_lint(text: str, expected: Lint | None, said: str) -> None:
    sure = [found for found in lint(promql.parse(text), KNOWN) if found.sure]
    assert {found.lint for found in sure} == ({expected} if expected else set()), sure
    assert said in "; ".join(found.sentence for found in sure)


@pytest.mark.parametrize(
    ("text", "expected", "said"),
    [
        ('sum(rate(ocr_errors_total{code="INTERNAL_ERROR"}[5m])) > 0', Lint.RATES, "begins with its first event"),
        ("rate(ocr_requests_total[45s])", Lint.WINDOWS, "less than four samples"),
        ("app:error_percent > 0.05", Lint.UNITS, "is that a share?"),
        ('histogram_quantile(0.9, rate({__name__=~".+_bucket"}[5m]))', Lint.QUANTILES, "are mixed"),
        ("rate(textfile_runs_total[5m])", Lint.RATES, "is a gauge"),
    ],
)
def test_what_is_not_sure_is_a_remark(text: str, expected: Lint, said: str) -> None:
    known = knowledge()
    known.types["textfile_runs_total"] = ("gauge",)  # type: ignore[index]
    (found,) = lint(promql.parse(text), known)
    assert (found.lint, found.sure) == (expected, False)
    assert said in str(found)


def test_nothing_is_said_without_knowledge() -> None:
    assert [found for text in HEALTHY for found in lint(promql.parse(text), Knowledge())] == []


# ----------------------------------------------------------------------------------------------------------- templates

RATIO, SCORE, COUNT = "platform_error_ratio > 0.05", "provider_health_score < 50", "count(up == 0) > 0"
BY_PROVIDER = "sum by (provider) (rate(ocr_errors_total[5m])) > 1"


@pytest.mark.parametrize(
    ("expression", "annotation"),
    [
        (RATIO, "{{ $value | humanizePercentage }} fail"),
        (RATIO, '{{ printf "%.3f" $value }} of the requests'),
        (SCORE, "the score is {{ $value }} %"),
        (SCORE, '{{ $value | printf "%.0f" }} of 100'),
        ("100 * platform_error_ratio > 5", '{{ printf "%.1f" $value }}% fail'),
        ("ocr_p95_latency_seconds > 2", "{{ $value | humanizeDuration }}"),
        (COUNT, '{{ $value }} of {{ with query "count(up)" }}{{ . | first | value }}{{ end }} and {{ $labels.job }}'),
        ("redis_memory_used_bytes / redis_memory_max_bytes > 0.9", "{{ $value | humanizePercentage }}"),
        (BY_PROVIDER, "{{ $labels.provider }}: {{ .Labels.provider }} {{ .Value }}"),
        (BY_PROVIDER, "{{ if $labels.pod }}{{ $labels.pod }}{{ else }}{{ $labels.provider }}{{ end }}"),
        ("up == 0", "{{ $labels.job }} on {{ $labels.instance }} {{ $externalLabels.cluster }}"),
        ('absent(up{job="app"})', "{{ $labels.job }} is gone"),
        ("unknown_metric > 1", "{{ $labels.whatever }} {{ $value | humanizePercentage }} {{ $value }}%"),
        (
            "kube_pod_container_status_restarts_total * on (namespace, pod) group_left (node) kube_pod_info",
            "{{ $labels.node }}",
        ),
    ],
)
def test_a_healthy_template_is_left_alone(expression: str, annotation: str) -> None:
    assert lint_templates(promql.parse(expression), {"severity": "info"}, {"description": annotation}, KNOWN) == []


@pytest.mark.parametrize(
    ("expression", "annotation", "expected", "said", "sure"),
    [
        (SCORE, "{{ $value | humanizePercentage }}", Lint.TEMPLATES, "multiplies by 100", True),
        (
            "100 * platform_error_ratio > 5",
            "{{ humanizePercentage $value }}",
            Lint.TEMPLATES,
            "multiplies by 100",
            True,
        ),
        (RATIO, "{{ $value }}% fail", Lint.TEMPLATES, "percent sign after what is a share", True),
        (RATIO, '{{ printf "%.2f" $value }} % fail', Lint.TEMPLATES, "percent sign after what is a share", True),
        (RATIO, '{{ $value | printf "%.2f%%" }} fail', Lint.TEMPLATES, "percent sign after what is a share", True),
        (RATIO, "{{ $value | humanizePercentage }}% fail", Lint.TEMPLATES, "two percent signs", True),
        ("unknown > 1", "{{ $value | humanizePercentage }}%", Lint.TEMPLATES, "two percent signs", True),
        (RATIO, "{{ $value | humanizeDuration }}", Lint.TEMPLATES, "prints a duration", True),
        ("ocr_p95_latency_seconds > 2", "{{ $value | humanizePercentage }}", Lint.TEMPLATES, "of seconds", True),
        ("sum(rate(ocr_errors_total[5m])) > 1", "{{ $labels.provider }}", Lint.LABELS, "which sum(rate", True),
        ("sum(unknown_total) > 1", "{{ $labels.provider }}", Lint.LABELS, "the result has no labels", True),
        (BY_PROVIDER, "{{ $labels.providr }}", Lint.LABELS, "nearest: provider", True),
        (BY_PROVIDER, "{{ $labels.cluster }}", Lint.LABELS, "it has provider", True),
        (BY_PROVIDER, "{{ $labels.provider }} in {{ $labels.cluster }}", Lint.LABELS, "it has provider", False),
        (BY_PROVIDER, "{{ $labels }} in {{ $labels.cluster }}", Lint.LABELS, "it has provider", False),
        ("up == 0", "{{ $labels.cluster }}", Lint.LABELS, "which the result never has", False),
        ("topk(1, up) == 0", "{{ $labels.cluster }}", Lint.LABELS, "which the result never has", False),
        ("app:errors:rate5m > 1", "{{ $labels.key }}", Lint.LABELS, "it has provider", True),
        ("count by (key) (ocr_circuit_state == 2) > 0", "{{ $labels.whom }}", Lint.LABELS, "it has key", True),
        (f"{BY_PROVIDER} or up == 0", "{{ $labels.cluster }}", Lint.LABELS, "never has", False),
        (f"{BY_PROVIDER} and on () up == 1", "{{ $labels.key }}", Lint.LABELS, "it has provider", True),
    ],
)
def test_a_wrong_template_is_found(expression: str, annotation: str, expected: Lint, said: str, *, sure: bool) -> None:
    (found,) = lint_templates(promql.parse(expression), {}, {"description": annotation}, KNOWN)
    assert (found.lint, found.sure) == (expected, sure)
    assert said in found.sentence


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ $value }}", True),
        ('about {{ printf "%.0f" .Value }}', True),
        ("{{ $value | humanize }}", True),
        ("{{ if gt $value 10.0 }}critical{{ else }}warning{{ end }}", False),
        ("{{ $labels.provider }}", False),
        ("the $value", False),
    ],
)
def test_a_label_that_holds_the_value_is_found(text: str, *, found: bool) -> None:
    findings = lint_templates(promql.parse(BY_PROVIDER), {"severity": text}, {}, KNOWN)
    assert [finding.lint for finding in findings] == [Lint.CONSTANTS] * found


# ----------------------------------------------------------------------------------------------------------- vanishing


@pytest.mark.parametrize(
    ("others", "static", "sure"),
    [
        ([], False, True),
        ([], True, False),
        (['absent(up{job="app"})'], False, None),
        (["absent(up)"], False, None),
        (['absent(up{job="other"})'], False, True),
        (['count(up{job="app"} == 1) < 3'], False, None),
        (['(count(up{job="app"} == 1) or vector(0)) == 0'], False, None),
        (['3 > sum(up{job="app"})'], False, None),
        (['count(up{job="app"} == 0) > 1'], False, True),
        (['up{job="app"} offset 1h unless up{job="app"}'], False, None),
        (["count by (key) (ocr_circuit_state == 2) > 0"], False, True),
        (['absent(ocr_requests_total{job="app"})'], False, None),
        (["redis_up == 0 or up == 1"], False, True),
        (["(min(redis_up) or vector(0)) == 0"], False, True),
        (["(min(ocr_model_loaded) or vector(0)) == 0"], False, None),
    ],
)
def test_a_target_that_vanishes_unnoticed_is_found(others: list[str], *, static: bool, sure: bool | None) -> None:
    alerts = {"g/Down": promql.parse('up{job="app"} == 0')}
    alerts |= {f"g/{number}": promql.parse(text) for number, text in enumerate(others)}
    found = {finding.sure for _, finding in vanishing(alerts, [], [Watched("app", static)], KNOWN)}
    assert found == (set() if sure is None else {sure})


@pytest.mark.parametrize(
    ("alert", "recorded", "found"),
    [
        ("kube_deployment_status_replicas_available < 3", "x", False),
        ("x < 3", 'count(up{job="app"})', False),
        ("x < 3", 'count(up{job="redis"})', True),
        ("x < 3", 'max(up{job="app"})', True),
    ],
)
def test_what_tells_of_missing_targets_in_other_ways(alert: str, recorded: str, *, found: bool) -> None:
    alerts = {"g/Down": promql.parse('up{job="app"} == 0'), "g/Other": promql.parse(alert)}
    watched = [Watched("app", static=False)]
    given = vanishing(alerts, [promql.parse(recorded)], watched, KNOWN, ["kube_deployment_.*"])
    assert bool(list(given)) is found


@pytest.mark.parametrize(
    ("alert", "others", "found"),
    [
        ('absent(up{job="app"})', [], True),
        ('absent(up{job="app"})', ['up{job!="app"} == 0'], True),
        ('absent(up{job="app"})', ['up{job="redis"} == 0', "redis_up == 0"], True),
        ('absent(up{job="app"})', ["absent(up)"], True),
        ('absent(up{job="app"} == 1)', [], False),
        ('absent(up{job="app"})', ['up{job="app"} == 0'], False),
        ('absent(up{job="app"})', ["up == 0"], False),
        ('absent(up{job="app"})', ["100 * count by (job) (up == 0) / count by (job) (up) > 10"], False),
        ('absent(up{job="app"})', ['avg(up{job="app"}) < 0.5'], False),
        ('absent(up{job="app"})', ["absent(ocr_requests_total)"], False),
        ('absent(up{job="app"})', ["count(ocr_model_loaded) < 2"], False),
        ('absent_over_time(up{job="app"}[5m])', [], False),
        ('absent(up{job="app"}) or up{job="app"} == 0', [], False),
        ('absent(up{job=~"gone"})', [], False),
        ('(count(up{job="app"} == 1) or vector(0)) == 0', [], False),
        ("absent(up)", [], False),
    ],
)
def test_a_target_that_does_not_answer_is_not_absent(alert: str, others: list[str], *, found: bool) -> None:
    alerts = {"g/Gone": promql.parse(alert)}
    alerts |= {f"g/{number}": promql.parse(text) for number, text in enumerate(others)}
    given = list(silent(alerts, [], [Watched("app", static=True)], KNOWN))
    assert [(name, finding.sure) for name, finding in given] == [("g/Gone", True)] * found
    recorded = silent({"g/Gone": promql.parse(alert)}, [promql.parse('sum(up{job="app"})')], [], KNOWN)
    assert list(recorded) == []


@pytest.mark.parametrize("text", ["up == 0", 'up{job="app"} == 1', 'up{job="app"} * 0', 'up{job!="redis"} == 0'])
def test_other_uses_of_up_say_nothing(text: str) -> None:
    assert list(vanishing({"g/a": promql.parse(text)}, [], [Watched("app", static=False)], KNOWN)) == []
