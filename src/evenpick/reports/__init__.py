"""What people read of a workspace: status, diagnosis and the report page."""

from .diagnosis import Diagnosis, diagnose
from .evaluation_file import write_evaluation
from .report import write_report
from .status import Status, workspace_status

__all__ = ["Diagnosis", "Status", "diagnose", "workspace_status", "write_evaluation", "write_report"]
