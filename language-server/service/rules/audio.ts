import { numberField } from '../../../models/formats/config/json-values';
import { isObject } from '../json-document';
import { replaceValue } from '../places';
import type { Rule } from './rule';

/** Names under which config classes keep the number of mel bins (Whisper and most; Speech2Text). */
const melNames = ['num_mel_bins', 'input_feat_per_channel'] as const;

export const melBinsDiffer: Rule = {
  code: 'mel-bins-differ',
  title: 'The preprocessor makes another number of mel bins than the model reads',
  severity: 'error',
  kinds: ['preprocessor', 'processor'],
  check({ document, configParts }, report) {
    const value = document.value;
    if (!isObject(value)) return;
    const inner = value['feature_extractor'];
    const [holder, path] = isObject(inner) ? [inner, ['feature_extractor']] : [value, []];
    // Extractors that hand the sound on as it is have a feature_size of 1, and perhaps num_mel_bins besides.
    const here =
      numberField(holder, ['num_mel_bins']) ??
      (Number(holder['feature_size']) > 1 ? numberField(holder, ['feature_size']) : undefined);
    if (here === undefined) return;
    const readers = configParts.flatMap((part) => {
      const bins = numberField(part.value, melNames);
      return bins === undefined ? [] : [{ part, ...bins }];
    });
    const [reader] = readers;
    // Two readers of sound in one model may want two numbers.
    if (reader === undefined || readers.some(({ value: bins }) => bins !== reader.value)) return;
    if (here.value === reader.value) return;
    const place = [...path, here.key];
    report(
      place,
      `${here.key} is ${here.value}, and ${reader.key} of config.json is ${reader.value}. The first convolution of the model does not fit such spectrograms.`,
      {
        part: reader.part,
        related: [{ message: `${reader.key} is ${reader.value}`, place: { file: 'config.json', key: reader.key } }],
        fixes: [
          {
            title: `Change to ${reader.value}`,
            changes: replaceValue(document, place, String(reader.value)),
            preferred: true,
          },
        ],
      },
    );
  },
};
