//@ step 6.4
    const int number = (int)*fd; /* the upper half of the register may have anything */
    enum side where = HERE;
    if (number >= 0) {
        struct remote_file *entry = table_find(number);
        if (entry) {
            where = HOME;
            *fd = entry->real;
        }
    } else if (number == AT_FDCWD) {
        where = HOME;
    }
    return where;
//@ end
