/* Every kernel of the back end once, in the order in which they are asked. */
KERNEL(copy)
KERNEL(gemm_kernel)
KERNEL(fused_gemm)
KERNEL(matmul)
