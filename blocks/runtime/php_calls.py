"""PHP that real hosts hand to SEI's own classes."""

from blocks.runtime.interface import ScheduledTask


def scheduled_task_call(task: ScheduledTask, code_path: str) -> str:
    """The code for `php -r` that calls a scheduled task of SIP.

    Public automation calls SIP's classes this way, after `Sip.php` has set the class loader up; that the task's method
    needs nothing more is inferred, not seen on a running SEI.
    """
    class_name, _, method = task.value.partition("::")
    return (
        f"require_once '{code_path}/sip/web/Sip.php'; SessaoSip::getInstance(false); (new {class_name}())->{method}();"
    )
