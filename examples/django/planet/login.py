"""Login with a form, a CSRF token and a session cookie."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

DEMO_PASSWORD = "planet"  # any name may log in with it


class LoginForm(forms.Form):
    name = forms.CharField(max_length=40)
    password = forms.CharField(widget=forms.PasswordInput)

    def clean_password(self) -> str:
        if self.cleaned_data["password"] != DEMO_PASSWORD:
            raise forms.ValidationError(f"The password is “{DEMO_PASSWORD}”.")
        return self.cleaned_data["password"]


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    form = LoginForm(request.POST or None)
    if form.is_valid():
        request.session["name"] = form.cleaned_data["name"]
        rotate_token(request)
        return redirect("index")
    return render(request, "login.html", {"form": form})


@never_cache
def logout(request: HttpRequest) -> HttpResponse:
    # A page of its own, because Django sends the CSRF cookie anew with every
    # page that holds a token; in the masthead it would be on all of them.
    if request.method == "POST":
        request.session.flush()
        return redirect("index")
    return render(request, "logout.html")
