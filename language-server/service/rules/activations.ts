import type { JsonValue } from '../../../models/formats/model-description';
import { hasRemoteCode } from '../parts';
import { isSurely, nearestName, plainLetters } from '../../../protocol/wire/nearest-name';
import { own } from '../own';
import { changeName } from '../places';
import type { Rule } from './rule';

/** Names of transformers' ACT2FN table, 4.0 to 5.x (read November 2026). */
const activationNames = [
  'gelu',
  'gelu_10',
  'gelu_accurate',
  'gelu_fast',
  'gelu_new',
  'gelu_python',
  'gelu_python_tanh',
  'gelu_pytorch_tanh',
  'hardswish',
  'laplace',
  'leaky_relu',
  'linear',
  'mish',
  'prelu',
  'quick_gelu',
  'relu',
  'relu2',
  'relu6',
  'sigmoid',
  'silu',
  'sqrtsoftplus',
  'swish',
  'tanh',
  'xielu',
] as const;

/** Names in published configs of classes that compute them themselves: phi3small, MiniMax M3, Kimi Linear. */
const otherNames: ReadonlySet<string> = new Set(['gegelu', 'swigluoai', 'situ']);

/** Fields that transformers' classes look up in ACT2FN. */
const activationKeys = [
  'hidden_act',
  'hidden_activation',
  'activation_function',
  'mlp_hidden_act',
  'mamba_hidden_act',
  'dense_act_fn',
  'feed_forward_proj',
  'ff_activation',
  'feat_extract_activation',
  'pooler_hidden_act',
  'projection_hidden_act',
  'projector_hidden_act',
  'classifier_activation',
] as const;

/** What other libraries and papers call the same functions, letters and digits only. */
const synonyms: Readonly<Record<string, string>> = {
  erfgelu: 'gelu',
  fastgelu: 'gelu_fast',
  gelutanh: 'gelu_pytorch_tanh',
  geluapprox: 'gelu_pytorch_tanh',
  gelupytorch: 'gelu_pytorch_tanh',
  identity: 'linear',
  newgelu: 'gelu_new',
  reglu: 'relu',
  relusquared: 'relu2',
  squaredrelu: 'relu2',
  tanhgelu: 'gelu_pytorch_tanh',
};

/** A gated network by the name of its pair of matrices; the field names the activation alone. */
const gated: Readonly<Record<string, string>> = { swiglu: 'silu', geglu: 'gelu' };

const byLetters = new Map<string, string>(activationNames.map((name) => [plainLetters(name), name]));

/**
 * The name in ACT2FN that a name stands for: the same letters, or one or two letters away; in a class of transformers
 * also another library's word.
 */
const meantBy = (name: string, key: string, isKnown: boolean): string | undefined => {
  const plain = plainLetters(name);
  const word = isKnown
    ? (own(synonyms, plain) ?? (key.startsWith('hidden_act') ? own(gated, plain) : undefined))
    : undefined;
  return byLetters.get(plain) ?? word ?? nearestName(name.toLowerCase(), activationNames, plain.length > 6 ? 2 : 1);
};

const activationOf = (key: string, value: JsonValue | undefined): string | undefined => {
  if (typeof value !== 'string' || value === '') return undefined;
  const name = key === 'feed_forward_proj' ? value.replace(/^gated-/, '') : value;
  return (activationNames as readonly string[]).includes(name) || otherNames.has(name) ? undefined : name;
};

export const activationUnknown: Rule = {
  code: 'activation-unknown',
  title: 'The activation has a name that transformers does not know',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    // Remote code may look its activations up anywhere.
    const remote = hasRemoteCode(parts);
    for (const part of parts) {
      const isKnown = part.familiarity === 'known' && !remote;
      for (const key of activationKeys) {
        const name = activationOf(key, part.value[key]);
        if (name === undefined) continue;
        const near = meantBy(name, key, isKnown);
        // A name like no other, in a class that nobody here has read, is most likely a name of its own.
        if (near === undefined && !isKnown) continue;
        const path = [...part.path, key];
        const prefix = name === part.value[key] ? '' : 'gated-';
        const meant = near === undefined ? undefined : prefix + near;
        report(
          path,
          `"${prefix}${name}" is not an activation that transformers knows${meant === undefined ? '.' : `; did you mean "${meant}"?`} Usual are silu, gelu, gelu_pytorch_tanh and relu.`,
          {
            part,
            severity: isKnown ? (near === undefined ? 'warning' : 'error') : 'information',
            fixes: meant === undefined ? [] : [changeName(document, path, meant, isSurely(name, near ?? ''))],
          },
        );
      }
    }
  },
};
