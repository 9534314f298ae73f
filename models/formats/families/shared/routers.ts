/** How routers choose and weigh experts, as several families have it. */
import type { ModelPart } from '../../model-description';
import type { RouterRules } from './computation';
import { amount, flag } from './family';
import { honoured, idle, only, routerIdle, type RunKeys } from './run-keys';

/** Shares of the chosen experts that sum to 1. */
export const normalisedSoftmax = (): RouterRules => ({ scores: 'softmax', normalised: true });

/** The same where `norm_topk_prob` says so, else the shares among all experts. */
export const softmaxByKey = (part: ModelPart): RouterRules => ({
  scores: 'softmax',
  normalised: flag(part, 'norm_topk_prob'),
});

/** DeepSeek-V3 (arXiv:2412.19437, section 2.1.2): a sigmoid each, a bias on the choice, groups, and a factor on the weights. */
export const groupedSigmoid = (part: ModelPart): RouterRules => ({
  scores: 'sigmoid',
  normalised: flag(part, 'norm_topk_prob', true),
  ...groupsOf(part, 'two-largest'),
  ...factorOf(part),
});

/** DeepSeek-V2 (arXiv:2405.04434, section 2.2): `topk_method` says whether groups of experts are chosen first. */
export const greedySoftmax = (part: ModelPart): RouterRules => ({
  scores: 'softmax',
  ...(part.fields['topk_method']?.value === 'group_limited_greedy' ? groupsOf(part, 'largest') : {}),
  ...factorOf(part),
});

function groupsOf(part: ModelPart, by: 'largest' | 'two-largest'): Pick<RouterRules, 'groups'> {
  const [count = 1, kept = 1] = [amount(part, 'n_group'), amount(part, 'topk_group')];
  return count > 1 && kept < count ? { groups: { count, kept, by } } : {};
}

function factorOf(part: ModelPart): Pick<RouterRules, 'factor'> {
  const factor = amount(part, 'routed_scaling_factor');
  return factor === undefined || factor === 1 ? {} : { factor };
}

/** Keys of the router of DeepSeek-V3 and those that took it over. */
export const groupedKeys: RunKeys = {
  ...honoured('n_routed_experts', 'num_experts_per_tok', 'n_shared_experts', 'moe_intermediate_size', 'n_group'),
  ...honoured('topk_group', 'norm_topk_prob', 'routed_scaling_factor', 'first_k_dense_replace', 'num_local_experts'),
  // Files of code of their own say of each layer whether it has experts; the classes have them in all behind the first ones.
  ...only([1, null], 'moe_layer_freq'),
  ...idle('layers that predict further tokens are not run', 'num_nextn_predict_layers'),
  ...routerIdle,
};
