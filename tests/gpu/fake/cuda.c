// The driver: the calls that ONNX Runtime and pleura make before they use the runtime library.

int cuInit(unsigned flags) { return 0; }

int cuDriverGetVersion(int *version) {
    *version = 13000;
    return 0;
}
