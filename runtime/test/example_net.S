// The weights of `example`, linked as they are. The generated stub differs in the names alone.
#if defined(__APPLE__)
#define SYMBOL(name) _##name
    .section __DATA,__const
    .private_extern SYMBOL(example_linked_weights)
#elif defined(_WIN32)
#define SYMBOL(name) name
    .section .rdata, "dr"
#else
#define SYMBOL(name) name
    .section .rodata.example_linked_weights, "a", %progbits
    .hidden example_linked_weights
#endif
    .balign 64
    .globl SYMBOL(example_linked_weights)
SYMBOL(example_linked_weights):
    .incbin "example_net.weights"
#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
