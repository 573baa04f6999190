"""CPFs for people who do not exist."""


def cpf(number: int) -> str:
    """The valid CPF, eleven digits, of a number of at most nine."""
    digits = [int(digit) for digit in f"{number:09d}"]
    for _ in range(2):
        weights = range(len(digits) + 1, 1, -1)
        rest = 10 * sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        digits.append(rest % 10)
    return "".join(map(str, digits))
