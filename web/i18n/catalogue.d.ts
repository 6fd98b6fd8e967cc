declare module "*.ftl?compiled&raw" {
  const catalogue: import("./index").Catalogue;
  export default catalogue;
}
