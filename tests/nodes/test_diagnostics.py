import pytest
from diagnostic_msgs.msg import DiagnosticArray

from so_arm.nodes import qos
from so_arm.nodes.command_mux import CommandMux
from so_arm.nodes.messages import texts_of

pytestmark = pytest.mark.ros


def test_every_count_is_reported_with_its_rate_and_its_age(ros):
    reports = ros.listen(DiagnosticArray, "/diagnostics", qos.RECORDER)
    mux = ros.start(CommandMux)
    mux.counts["policy"] += 5

    def of_mux():
        return [
            texts_of(status) for report in list(reports) for status in report.status if status.name == "command_mux"
        ]

    ros.until(lambda: any("policy" in texts for texts in of_mux()), "a report")
    first = next(texts for texts in of_mux() if "policy" in texts)
    assert (first["policy"], first["policy_age_s"]) == ("5", "0")
    assert 0 < float(first["policy_hz"]) < 20
    ros.until(lambda: int(of_mux()[-1].get("policy_age_s", "0")) >= 1, "an older age")
    assert of_mux()[-1]["policy_hz"] == "0.0"
