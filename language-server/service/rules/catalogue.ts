import { activationUnknown } from './activations';
import { loraRank, loraTarget } from './adapter';
import { loraLayers, loraPattern } from './adapter-layers';
import { architecturesNotList } from './architectures';
import { melBinsDiffer } from './audio';
import { chatTemplateToken } from './chat-template';
import { ropeReachDiffers, tokenizerLonger } from './context-limits';
import { expertGroups, expertsPerToken } from './experts';
import { fieldValue, fileNotRead } from './field-values';
import { genaiContradicts, genaiFileMissing, genaiHeads } from './genai';
import { headscopeFileWrong } from './headscope-file';
import {
  headWidthNotFused,
  headsDoNotDivide,
  kvHeadsDoNotDivide,
  kvHeadsExceedHeads,
  projectionWidthDiffers,
  rotaryWidthOdd,
  sizeNotPositive,
} from './heads';
import { jsonInvalid, keyTwice } from './json';
import { labelsContradict } from './labels';
import { layerListLength, layerNumber } from './layer-lists';
import { latentDims, layerTypeUnknown, windowWithoutEffect } from './layers';
import { layersExtra, layersMissing, tiedWithHead } from './layers-in-weights';
import { graphContradictsConfig, graphContradictsGenai, graphUnreadable } from './graphs';
import { mediaTokenDiffers } from './media-tokens';
import { cacheOverMemory } from './memory';
import { modelTypeMissing, modelTypeRelease } from './model-types';
import {
  architectureContradicts,
  dtypeKeyDeprecated,
  dtypeUnknown,
  dtypesDisagree,
  keyMisspelt,
  modelTypeMisspelt,
} from './names';
import { keyOfOtherFamily } from './other-names';
import { quantisationBits, quantisationGroup } from './quantisation';
import { bitsandbytesContradicts, quantMethodUnknown } from './quantisation-methods';
import {
  ropeFactorLength,
  ropeFieldContradicts,
  ropeFieldMissing,
  ropeFormUnknown,
  ropeOriginalLength,
  ropeSections,
  ropeTypeDeprecated,
} from './rope';
import type { Rule } from './rule';
import { tensorShape, tensorsMissing } from './tensors';
import { generationContradicts, tokenIdOutside, tokenizerLarger } from './tokens';
import { imageSizeDiffers, imageTokensDiffer, patchSize, projectorWidth, visionFeatureLayer } from './vision';
import { indexDisagrees, indexPathOutside, shardMissing, shardUnreadable, tensorTwice } from './weight-files';

/** Every rule by name, in the order the documentation lists them. */
export const rules: readonly Rule[] = [
  headsDoNotDivide,
  kvHeadsDoNotDivide,
  kvHeadsExceedHeads,
  sizeNotPositive,
  projectionWidthDiffers,
  rotaryWidthOdd,
  headWidthNotFused,
  ropeFormUnknown,
  ropeFieldMissing,
  ropeFieldContradicts,
  ropeFactorLength,
  ropeSections,
  ropeOriginalLength,
  ropeReachDiffers,
  ropeTypeDeprecated,
  windowWithoutEffect,
  layerListLength,
  layerNumber,
  layerTypeUnknown,
  latentDims,
  expertsPerToken,
  expertGroups,
  tokenIdOutside,
  tokenizerLarger,
  tokenizerLonger,
  mediaTokenDiffers,
  chatTemplateToken,
  generationContradicts,
  patchSize,
  imageSizeDiffers,
  imageTokensDiffer,
  projectorWidth,
  visionFeatureLayer,
  melBinsDiffer,
  quantisationGroup,
  quantisationBits,
  quantMethodUnknown,
  bitsandbytesContradicts,
  activationUnknown,
  dtypeUnknown,
  dtypesDisagree,
  dtypeKeyDeprecated,
  architectureContradicts,
  architecturesNotList,
  labelsContradict,
  modelTypeMisspelt,
  modelTypeRelease,
  modelTypeMissing,
  keyMisspelt,
  keyOfOtherFamily,
  fieldValue,
  jsonInvalid,
  keyTwice,
  fileNotRead,
  headscopeFileWrong,
  cacheOverMemory,
  tensorShape,
  tensorsMissing,
  layersMissing,
  layersExtra,
  tiedWithHead,
  shardMissing,
  shardUnreadable,
  indexDisagrees,
  tensorTwice,
  indexPathOutside,
  loraTarget,
  loraRank,
  loraLayers,
  loraPattern,
  genaiHeads,
  genaiContradicts,
  genaiFileMissing,
  graphContradictsConfig,
  graphContradictsGenai,
  graphUnreadable,
];

export const ruleCodes: readonly string[] = rules.map(({ code }) => code);

export const ruleOf = (code: string): Rule | undefined => rules.find((rule) => rule.code === code);

/** The page of a rule; the address is the one of package.json's repository. */
export const pageOf = (code: string): string =>
  `https://github.com/headscope/headscope/blob/main/docs/rules/${code}.md`;
