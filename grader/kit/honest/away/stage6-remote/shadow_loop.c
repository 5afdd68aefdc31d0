//@ step 6.3
    for (;;) {
        switch (shadow.end) {
        case GOES_ON: break;
        default: return shadow.end;
        }
        if (!shadow.call_came)
            (void)shadow_turn(NULL, 0, -1);
        else
            serve_call();
    }
//@ end
//@ step 6.6
    const uint64_t newest = shadow.call.serial;
    if (serial < newest)
        return; /* answered long ago */
    if (serial > newest) {
        end_wrong("an ABANDON for a call of the future");
        return;
    }
    shadow.abandoned = shadow.serving;
//@ end
//@ step 6.7
    if (shadow.leaving)
        return; /* our LEAVE and theirs have crossed */
    if (leave())
        return;
    shadow_failed(-ENOMEM);
//@ end
