/** The methods that are compared, in the order of the table. */
import type { ParameterTable } from '../../../../protocol/analysis/parameters';
import { attentionCalibration } from './act';
import type { Method } from './method';
import { noPicture } from './no-picture';
import { payAttentionToImage } from './pai';
import { payAttentionToInformedTokens } from './paint';
import { plain } from './plain';
import { visualRedistribution } from './var';
import { vcd } from './vcd';
import { vhr } from './vhr';
import { zeroTuning } from './zerotuning';

export const methods: readonly Method[] = [
  plain,
  vhr,
  visualRedistribution,
  attentionCalibration,
  payAttentionToInformedTokens,
  payAttentionToImage,
  zeroTuning,
  vcd,
  noPicture,
];

/** Parameters of all methods, including those that are not run. */
export const methodParameters: ParameterTable = Object.fromEntries(
  methods.flatMap(({ parameters }) => Object.entries(parameters)),
);
