import type { Quantisation } from '../model-description';
import { isMlxMode } from './mlx';

/** Why weights of a method are not read, as a sentence; undefined if they are read. */
export function unreadQuantisation({ method, algorithm = '', form = '' }: Quantisation): string | undefined {
  const refuse = (what: string): string =>
    `The weights are quantised (${what}) in a form that Headscope does not read. It reads AWQ, GPTQ, compressed-tensors, bitsandbytes, FP8, MXFP4, NVFP4 and MLX (docs/weights.md): use one of these, or the unquantised checkpoint.`;
  switch (method.toLowerCase()) {
    case 'awq':
      return form === '' || /^gem[mv]$/i.test(form) ? undefined : refuse(`${method}, ${form}`);
    case 'gptq':
      return /^(gptq|gptq_v2)?$/i.test(form) ? undefined : refuse(`${method}, ${form}`);
    case 'auto-round':
      return /^auto_round:auto_(gptq|awq)$/i.test(algorithm) ? undefined : refuse(`${method}, ${algorithm}`);
    case 'compressed-tensors':
      return /^(pack-quantized|int-quantized|float-quantized|naive-quantized|nvfp4-pack-quantized|mxfp4-pack-quantized|mixed-precision)?$/i.test(
        algorithm,
      )
        ? undefined
        : refuse(`${method}, ${algorithm}`);
    case 'mlx':
      return isMlxMode(algorithm) ? undefined : refuse(`${method}, ${algorithm}`);
    case 'modelopt':
      return /^(FP8|NVFP4|W4A16_NVFP4|MIXED_PRECISION|FP8_PB_WO)?$/i.test(algorithm)
        ? undefined
        : refuse(`${method}, ${algorithm}`);
    case 'bitsandbytes':
    case 'fp8':
    case 'fbgemm_fp8':
    case 'mxfp4':
      return undefined;
    default:
      return refuse(method);
  }
}
