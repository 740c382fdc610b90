// Package helm_test checks the chart of deploy/helm with Helm and kubeconform, which
// this module pins.
package helm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	chart     = "../../deploy/helm/partnercost"
	manifests = "../../deploy/kubernetes"
)

// variants are the ways of using the chart: every template is rendered by one of them.
var variants = map[string][]string{
	"default": nil,
	"cronjob": {"--set=mode=cronjob"},
	"everything": {
		"--set=replicas=2,state.enabled=true,state.accessModes={ReadWriteMany},state.storageClass=nfs,secret.name=costs",
		"--set=serviceMonitor.enabled=true,scrapeAnnotations=false,podDisruptionBudget.enabled=true",
		"--set=ingress.enabled=true,ingress.className=nginx,ingress.tlsSecret=costs-tls,networkPolicy.enabled=true",
		"--set=image.pullPolicy=Always,image.pullSecrets={registry},nodeSelector.disk=ssd,podAnnotations.team=finance",
	},
	"cronjob with a policy": {"--set=mode=cronjob,networkPolicy.enabled=true,state.enabled=true,state.existingClaim=tokens"},
}

// tool runs a program of this module's go.mod, which make has built.
func tool(t *testing.T, stdin io.Reader, args ...string) (stdout string, err error) {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "../../bin/release-tools/"+args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), errors.Join(err, errors.New(out.String()+complaints.String()))
	}
	return out.String(), nil
}

func render(t *testing.T, flags ...string) string {
	t.Helper()
	out, err := tool(t, nil, append([]string{"helm", "template", "partnercost", chart}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestChartHasNoLint(t *testing.T) {
	t.Parallel()
	for name, flags := range variants {
		if _, err := tool(t, nil, append([]string{"helm", "lint", "--strict", chart}, flags...)...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Kubernetes would take what the chart gives.
func TestChartIsValid(t *testing.T) {
	t.Parallel()
	schemas := t.TempDir()
	for name, kind := range map[string]any{
		"deployment": appsv1.Deployment{}, "cronjob": batchv1.CronJob{}, "configmap": corev1.ConfigMap{}, "service": corev1.Service{},
		"persistentvolumeclaim": corev1.PersistentVolumeClaim{}, "ingress": networkingv1.Ingress{},
		"networkpolicy": networkingv1.NetworkPolicy{}, "poddisruptionbudget": policyv1.PodDisruptionBudget{},
	} {
		content, err := json.Marshal(schemaOf(reflect.TypeOf(kind)))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(schemas, name+".json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(manifest string) error {
		// The operator's own kind is in no module of Kubernetes.
		_, err := tool(t, strings.NewReader(manifest), "kubeconform", "-strict", "-skip=ServiceMonitor",
			"-schema-location="+schemas+"/{{ .ResourceKind }}.json")
		return err
	}
	for name, flags := range variants {
		if err := check(render(t, flags...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if check(strings.Replace(render(t), "replicas: 2", "replica: 2", 1)) == nil {
		t.Error("a field that there is not is accepted: the schemas check nothing")
	}
}

// schemaOf derives the JSON schema of a Kubernetes type from the Go types that Helm
// links: the published ones cannot be had without a network.
func schemaOf(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[resource.Quantity]():
		return map[string]any{"type": []string{"string", "number"}}
	case reflect.TypeFor[intstr.IntOrString]():
		return map[string]any{"type": []string{"string", "integer"}}
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime](), reflect.TypeFor[[]byte]():
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		properties, required := map[string]any{}, []string{}
		for field := range t.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case name == "-":
			case name == "": // inline
				maps.Copy(properties, schemaOf(field.Type)["properties"].(map[string]any))
			default:
				properties[name] = schemaOf(field.Type)
				if !strings.Contains(options, "omit") {
					required = append(required, name)
				}
			}
		}
		schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
		if len(required) > 0 { // kubeconform takes no empty list
			schema["required"] = required
		}
		return schema
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	default:
		return map[string]any{"type": "integer"}
	}
}

// By default the chart is what deploy/kubernetes is, but for the labels of Helm and of
// kustomize and for the tag of the image.
func TestChartIsTheManifests(t *testing.T) {
	t.Parallel()
	fromFiles := func(names ...string) map[string]any {
		objects := map[string]any{}
		for _, name := range names {
			content, err := os.ReadFile(filepath.Join(manifests, name))
			if err != nil {
				t.Fatal(err)
			}
			add(t, objects, content)
		}
		return objects
	}
	for mode, want := range map[string]map[string]any{
		"daemon":  fromFiles("configmap.yaml", "deployment.yaml", "service.yaml"),
		"cronjob": fromFiles("configmap.yaml", "cronjob.yaml"),
	} {
		got := map[string]any{}
		add(t, got, []byte(render(t, "--set=mode="+mode)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-deploy/kubernetes +chart):\n%s", mode, diff)
		}
	}
}

// add decodes manifests by kind, without what may differ.
func add(t *testing.T, objects map[string]any, manifest []byte) {
	t.Helper()
	for decoder := yaml.NewDecoder(bytes.NewReader(manifest)); ; {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := object["data"].(map[string]any); ok {
			var configuration any
			if err := yaml.Unmarshal([]byte(data["collector.yaml"].(string)), &configuration); err != nil {
				t.Fatal(err)
			}
			data["collector.yaml"] = configuration
		}
		objects[object["kind"].(string)] = withoutLabels(object)
	}
}

func withoutLabels(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, of := range value {
			switch key {
			case "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart",
				"checksum/configuration", "helm.sh/resource-policy":
				delete(value, key)
				continue
			case "image":
				of, _, _ = strings.Cut(of.(string), ":")
			}
			value[key] = withoutLabels(of)
		}
		if annotations, ok := value["annotations"].(map[string]any); ok && len(annotations) == 0 {
			delete(value, "annotations")
		}
	case []any:
		for i := range value {
			value[i] = withoutLabels(value[i])
		}
	}
	return value
}

// What cannot work is refused before it reaches the cluster.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for values, reason := range map[string]string{
		"mode=both":                "mode",
		"replica=2":                "replica",
		"state.enabled=true":       "a volume that all may write to",
		"state.accessModes={Once}": "accessModes",
		"image.pullPolicy=Never?":  "pullPolicy",
		"configuration.partners=":  "partners",
	} {
		if out, err := tool(t, nil, "helm", "template", "partnercost", chart, "--set="+values); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v\n%s", values, err, out)
		}
	}
}
