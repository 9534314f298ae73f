/** What a TransNormerLLM layer shows of the first sequence: weights, decay by head and layer, and the state beside a cache. */
import type { ModuleCall } from '../../module';
import type { Picture } from '../../picture';
import { transnormerSlopes } from '../../mechanisms/lightning/attention';
import { projections, simpleNorm } from './definition';
import { headWidth, slopesOf, type TnlParameters } from './parameters';

/** Tokens of the heat map: a cell is still seen at that many. */
const mostTokens = 128;

export function tnlPictures(call: ModuleCall, parameters: TnlParameters): readonly Picture[] {
  const { tokens, heads, layer, layers, decay, rotation } = parameters;
  const d = headWidth(parameters);
  const slopes = slopesOf(parameters);
  const { query, key } = projections(call, simpleNorm(call.inputs['x']!), parameters);
  const wide = query.shape[3]!;
  const shown = Math.min(tokens, mostTokens);
  const weights = Array.from({ length: shown }, (_, t) =>
    Array.from({ length: shown }, (_, s) => {
      if (s > t) return 0;
      let score = 0;
      for (let x = 0; x < wide; x++) score += query.data[t * wide + x]! * key.data[s * wide + x]!;
      return score * Math.exp(-slopes[0]! * (t - s));
    }),
  );
  const labels = Array.from({ length: heads }, (_, h) => `head ${h + 1}`);
  const distances = Array.from({ length: 12 }, (_, at) => 2 ** at);
  const state = 4 * heads * d * d * (rotation ? 2 : 1);
  const cache = (n: number): number => 4 * 2 * n * heads * d;
  const lengths = Array.from({ length: 12 }, (_, at) => 2 ** (at + 5));
  return [
    {
      kind: 'heat-map',
      id: 'weights',
      title: 'Weights of the first head',
      caption: `No softmax: weights take either sign and rows add up to anything, which the norm behind them takes out.${shown < tokens ? ` The first ${shown} tokens.` : ''}`,
      unit: '',
      definition: 'lambda^(t - s) q_t . k_s for s <= t, after activation and rotation',
      scale: 'diverging',
      rows: { title: 'Reading token' },
      columns: { title: 'Token read' },
      values: weights,
    },
    {
      kind: 'chart',
      id: 'decay',
      title: `Decay of layer ${layer}`,
      caption:
        'What is left of a weight after a number of tokens. The first heads look at their neighbours, the last far back.',
      x: { title: 'Distance', unit: 'tokens', scale: 'log2' },
      y: { title: 'lambda^distance', unit: '', scale: 'linear' },
      series: labels.map((title, h) => ({
        title,
        mark: 'line',
        points: distances.map((x) => ({ x, y: Math.exp(-slopes[h]! * x) })),
      })),
    },
    {
      kind: 'heat-map',
      id: 'half-lives',
      title: 'Half-lives by layer and head',
      caption:
        decay === 'none'
          ? 'Nothing fades without a decay: these are the half-lives of the released code.'
          : 'After how many tokens a weight is halved. Later layers fade more slowly; in the released code the last one hardly at all.',
      unit: 'log10 tokens',
      definition: 'log10(ln 2 / slope), slope = -log(lambda) of head and layer',
      scale: 'sequential',
      rows: { title: 'Layer', labels: Array.from({ length: layers }, (_, l) => String(l)) },
      columns: { title: 'Head', labels },
      values: Array.from({ length: layers }, (_, l) =>
        transnormerSlopes(heads, { decay: decay === 'none' ? 'code' : decay, layer: l, layers }).map((slope) =>
          Math.log10(Math.LN2 / slope),
        ),
      ),
    },
    {
      kind: 'chart',
      id: 'state',
      title: 'What decoding keeps',
      caption: `The state of this layer is the same at any length: it is the smaller one from ${Math.ceil(state / cache(1))} tokens on.`,
      x: { title: 'Tokens read', unit: 'tokens', scale: 'log2' },
      y: { title: 'Float32', unit: 'B', scale: 'log10' },
      series: [
        { title: 'state kv', mark: 'line', points: lengths.map((x) => ({ x, y: state })) },
        {
          title: 'keys and values of softmax attention',
          mark: 'line',
          points: lengths.map((x) => ({ x, y: cache(x) })),
        },
      ],
    },
  ];
}
