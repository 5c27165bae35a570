"""What the tests of both pools share."""

from hyperstudy.study.core.epoch import Epoch


def listen(pool, worker, answers=()):
    """All messages of one job, answering its questions."""
    received, answers = [], list(answers)
    while not received or isinstance(received[-1], Epoch):
        for number, message in pool.messages(10):
            assert number == worker
            received.append(message)
            if isinstance(message, Epoch) and message.diverged_at is None and answers:
                pool.answer(worker, answers.pop(0))
    return received
