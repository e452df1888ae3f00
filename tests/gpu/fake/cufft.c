// cuFFT whose transforms compute nothing.

int cufftCreate(int *plan) {
    *plan = 1;
    return 0;
}
