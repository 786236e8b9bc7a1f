"""What people read of a workspace: status, diagnosis and the report page."""

from .diagnosis import Diagnosis, diagnose
from .evaluation_file import write_evaluation
from .report import report_fragment, write_report, write_report_data
from .status import Status, workspace_status

__all__ = [
    "Diagnosis",
    "Status",
    "diagnose",
    "report_fragment",
    "workspace_status",
    "write_evaluation",
    "write_report",
    "write_report_data",
]
