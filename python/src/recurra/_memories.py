"""External memories: layers behind a controller that keep what it tells them to, and give it back."""

from __future__ import annotations

from recurra._layer import Layer, size


class StackMemory(Layer):
    """Stacks of vectors that are pushed, popped and left alone, all at once, by weights.

    (time, features) -> (time, features + stacks * width): y_t = [x_t, r_t], where x_t is the output of the
    controller, the layer before, and r_t are the tops of the stacks after the step. For each stack an affine
    map of x_t emits three scores, whose softmax are the weights a of push, pop and no action, and a vector v
    to push, through the logistic function:

        S'[0] = a_push v + a_pop S[1] + a_none S[0]
        S'[i] = a_push S[i-1] + a_pop S[i+1] + a_none S[i]

    Below the last cell are zeros: what is pushed beyond the depth is lost, and an empty stack reads zero.
    ``Feedback([controller, StackMemory(...)], fed=stacks * width)`` gives r_t to the controller at the next
    step. Parameters: ``interface.weight``, ``interface.bias``, stack by stack the scores and v. State:
    ``stack`` (stacks * depth * width), zero at first. A diagnosis shows ``gate.actions`` and ``state.stack``.

    Args:
        depth: Cells of a stack.
        width: Features of a cell.
        stacks: How many stacks, each with actions of its own.

    Raises:
        ValueError: a size below 1, or more than 16 stacks.

    Source: A. Joulin and T. Mikolov, NIPS 2015.
    """

    def __init__(self, depth: int, width: int, *, stacks: int = 1) -> None:
        super().__init__(
            "StackMemory",
            depth=size("StackMemory", "depth", depth),
            width=size("StackMemory", "width", width),
            stacks=size("StackMemory", "stacks", stacks),
        )


class NTMMemory(Layer):
    """The memory of a neural Turing machine, with heads that find their places by content and by position.

    (time, features) -> (time, features + read_heads * width): y_t = [x_t, r_t], where x_t is the output of
    the controller, the layer before, and r_t is what the reading heads read of the memory as this step left
    it. An affine map of x_t emits, for each head, a key, its strength, a gate, shifts and a sharpness, and
    for a writing head what it erases and adds. A head's weighting w follows as in the paper, from the memory
    before the step: by the cosine with the key, mixed with where the head was, shifted around the circle of
    locations, and sharpened.

    ``Feedback([controller, NTMMemory(...)], fed=read_heads * width)`` gives r_t to the controller at the next
    step. Parameters: ``interface.weight``, ``interface.bias``: the writing heads' rows (key, strength, gate,
    shifts, sharpness), the reading heads', what is erased by each writing head, and what is added. State:
    ``memory`` (locations * width), 1e-6 at first, ``read_weighting`` and ``write_weighting`` (heads *
    locations), all heads at location 0 at first; a diagnosis shows them.

    Args:
        locations: Vectors of the memory.
        width: Their features.
        read_heads: Heads that read.
        write_heads: Heads that write.
        shift: How many locations a head can move in a step, in both directions.

    Raises:
        ValueError: a size below 1, or more than 8 heads of a kind.

    Source: A. Graves, G. Wayne and I. Danihelka, Neural Turing machines, 2014; keys and additions pass tanh,
    and the memory starts as in M. Collier and J. Beel, ICANN 2018.
    """

    def __init__(
        self, locations: int, width: int, *, read_heads: int = 1, write_heads: int = 1, shift: int = 1
    ) -> None:
        super().__init__(
            "NTMMemory",
            locations=size("NTMMemory", "locations", locations),
            width=size("NTMMemory", "width", width),
            read_heads=size("NTMMemory", "read_heads", read_heads),
            write_heads=size("NTMMemory", "write_heads", write_heads),
            shift=size("NTMMemory", "shift", shift),
        )
