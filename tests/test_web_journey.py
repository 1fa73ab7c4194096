"""The whole way once through: a customer changes the phone, a reviewer approves, the counter has it."""


def test_a_phone_is_changed_from_sign_in_to_the_counter(product, customer, reviewer):
    customer.signs_in("C01").submits_phone("13612345678")
    reviewer.claims().approves()
    assert product.profile("C01").mobile == "13612345678"
