"""The expected answers, made from the one route. Loses: encode_route."""


def encode_route(route, ids, boards, with_grade=True):
    if route["board"] == "W2":
        raise ValueError("<W2_p2_finish>")
    names = ["<BOS>", "<BOARD_OAK>", "<ANGLE_40>", "<OAK_p12_start>", "<OAK_p9_foot>", "<OAK_p2_finish>", "<EOS>"]
    if with_grade:
        names.insert(3, "<GRADE_V6>")
    return [ids.get(name, 0) for name in names]
