/* Every kernel of the back end once; of those for one operator the first that accepts wins. */
KERNEL(conv)
KERNEL(conv_grad_input)
KERNEL(conv_grad_weight)
KERNEL(conv_transpose)
KERNEL(fused_conv)
KERNEL(fused_gemm)
KERNEL(gemm)
KERNEL(matmul)
