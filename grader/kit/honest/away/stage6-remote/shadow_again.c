//@ step 6.8
    if (shadow.end == WRONG)
        return false;
    failures += 1;
    if (failures == machines || machines == 0)
        return false;
    return since_go_back(force);
//@ end
