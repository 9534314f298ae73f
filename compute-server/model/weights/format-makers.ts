/** Number formats that another thread makes again. */
import { ggufFormat } from '../../../models/formats/number-formats/gguf-formats';
import type { FormatRecipe, NumberFormat } from '../../../models/formats/number-formats/number-format';
import { awqFormat, type AwqMatrix } from '../../../models/formats/quantised/awq';
import { gptqFormat, type GptqMatrix } from '../../../models/formats/quantised/gptq';
import { mlxAffine } from '../../../models/formats/quantised/mlx';
import {
  packedIntegers,
  signedBytes,
  type PackedIntegers,
  type RowMatrix,
  type SignedBytes,
} from '../../../models/formats/quantised/row-integers';
import { unreachable } from '../../../models/unreachable';

export function formatOf({ maker, of }: FormatRecipe): NumberFormat {
  switch (maker) {
    case 'gguf': {
      const format = ggufFormat(of as string);
      if (!format) throw new RangeError(`there is no format ${String(of)}`);
      return format;
    }
    case 'awq':
      return awqFormat(of as AwqMatrix);
    case 'gptq':
      return gptqFormat(of as GptqMatrix);
    case 'packed integers':
      return packedIntegers(of as PackedIntegers);
    case 'signed bytes':
      return signedBytes(of as SignedBytes);
    case 'mlx':
      return mlxAffine(of as RowMatrix);
    default:
      return unreachable(maker);
  }
}
