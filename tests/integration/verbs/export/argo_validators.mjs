// Reads objects, as JSON in an array, from standard input; prints what is wrong with each, null for nothing.
import { AnalysisTemplate } from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/AnalysisTemplate";
import { Rollout } from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/Rollout";

const models = { AnalysisTemplate, Rollout };
let text = "";
for await (const part of process.stdin) text += part;
const problems = JSON.parse(text).map((made) => {
  try {
    new models[made.kind](made).validate();
    return null;
  } catch (error) {
    return error.message;
  }
});
console.log(JSON.stringify(problems));
