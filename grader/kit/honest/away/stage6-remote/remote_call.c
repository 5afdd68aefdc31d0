//@ step 6.6
    for (bool asked = false; !asked && !wait_for_answer(call); asked = true)
        abandon();
    receive(call); /* one answer comes to each call, and this is where it is taken */
    switch (call->frame.kind) {
    case FRAME_NOT_DONE: return CALL_AGAIN;
    default: return call->result;
    }
//@ end
