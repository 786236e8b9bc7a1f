"""What people read of a workspace: status, diagnosis and the report page."""

from .diagnosis import diagnose
from .report import write_evaluation, write_report
from .status import rows_of, workspace_status

__all__ = ["diagnose", "rows_of", "workspace_status", "write_evaluation", "write_report"]
