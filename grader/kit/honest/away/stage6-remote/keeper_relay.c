//@ step 6.7
    bool known = leaving;
    leave(job); /* it cannot have sent an image before we have told: both are done here */
    if (!known)
        send_home(FRAME_LEAVE, 0, NULL, 0);
//@ end
