// The driver: what ONNX Runtime and pleura ask of it before they use the runtime library.

int cuInit(unsigned flags) { return 0; }

int cuDriverGetVersion(int *version) {
    *version = 13000;
    return 0;
}
